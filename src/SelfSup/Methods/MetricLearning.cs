using System.ComponentModel.DataAnnotations;
using System.Globalization;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Negatives;
using SelfSup.Objectives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Metric learning on labels: embeddings of a class come near to each other and those of others far from them, by any loss of the
/// family (for what these have in common see Musgrave et al. 2020, https://arxiv.org/abs/2003.08505). With a cross-batch memory (Wang
/// et al. 2020, https://arxiv.org/abs/1912.06798) the batch is compared with past batches too. All ranks compute the loss of the whole
/// batch, so that it does not depend on how many they are.
/// </summary>
[Named("metricLearning")]
[Paper("Musgrave et al. 2020, a metric learning reality check", "https://arxiv.org/abs/2003.08505")]
[Views(0, More = nameof(MetricLearningOptions.Views))]
[LearnsEmbeddings]
internal sealed class MetricLearning : Method
{
    private readonly MetricLearningOptions _options;
    private readonly LabelledMemory? _memory;

    // What the last step compared, without its graph: the tensors belong to that step's dispose scope.
    private (ViewBatch Batch, Embeddings Embeddings, LabelledEmbeddings Compared)? _last;

    public MetricLearning(MetricLearningOptions options, MethodContext context)
        : base(context, Choose(options, context, out var objective).Parts)
    {
        (_options, Objective) = (options, objective);
        if (options.Memory > 0)
        {
            _memory = new LabelledMemory(options.Memory, Encoder.Widths.Embedding, Encoder.Parameters.Values);
        }
    }

    /// <inheritdoc/>
    public override int Views => _options.Views;

    /// <inheritdoc/>
    public override bool NeedsLabels => !Objective.ComparesValues;

    /// <summary>The loss with what belongs to it.</summary>
    internal Objective Objective { get; }

    /// <inheritdoc/>
    public override double LeastEffectiveRank => NeedsLabels && Context.Classes == 2 ? 0 : base.LeastEffectiveRank;

    /// <inheritdoc/>
    public override double RateOf(string parameter) => Encoder.IsOfPart(parameter) ? Objective.PartsRate : 1;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        var views = cat([.. batch.Views]);
        return (Objective.OfUnitVectors ? encoder.Embed(views) : encoder.Project(views)).chunk(Views); // V times [N, D]
    }

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var compared = Gathered(batch, embeddings);
        _last = (batch, embeddings, Constant(compared));
        var loss = Objective.Loss(compared, Encoder);
        if (!Remembers(batch))
        {
            return loss;
        }

        var (references, labels) = _memory!.With(compared.Anchors, compared.Labels);
        var withPast = compared with { References = references, ReferenceLabels = labels, FirstSelf = 0 };
        return loss + ((_options.MemoryWeight ?? MetricLearningOptions.DefaultMemoryWeight) * Objective.Loss(withPast, Encoder));
    }

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        if (Remembers(batch))
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var compared = Compared(batch, embeddings);
            _memory!.Enqueue(compared.Anchors, compared.Labels);
        }
    }

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings)
    {
        var first = embeddings.Learned[0];
        return (first, Views > 1
            ? embeddings.Learned[1]
            : OneView.Neighbours(first, batch.Labels));
    }

    /// <inheritdoc/>
    public override Tensor ClassesOf(ViewBatch batch) => batch.Labels;

    /// <summary>Those of the objective, of the batch and, by names that begin with memory, of the batch against the memory.</summary>
    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var compared = Compared(batch, embeddings);
        var facts = Objective.Facts(compared, Encoder).ToList();
        if (Objective.IsOfSingles && facts.Count > 0)
        {
            using var means = tensor(facts.ConvertAll(fact => fact.Value).ToArray());
            Context.Communicator.AllReduceMean(means); // of this rank's anchors only until here
            facts = [.. facts.Zip(means.data<double>().ToArray(), (fact, mean) => (fact.Name, mean))];
        }

        if (_memory is not null)
        {
            if (Remembers(batch))
            {
                var (references, labels) = _memory.WithLast(compared.Anchors, compared.Labels);
                var withPast = compared with { References = references, ReferenceLabels = labels, FirstSelf = 0 };
                facts.AddRange(Objective.Facts(withPast, Encoder).Select(fact => ($"memory{char.ToUpperInvariant(fact.Name[0])}{fact.Name[1..]}", fact.Value)));
            }

            facts.Add(("memoryFilled", _memory.Filled));
            facts.Add(("memoryAgeSteps", _memory.MeanAge((long)Context.GlobalBatchSize * Views)));
            facts.Add(("memoryOldestSteps", _memory.OldestAge((long)Context.GlobalBatchSize * Views)));
        }

        return facts;
    }

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        if (_memory is not null)
        {
            archive.Part("memory", _memory);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _memory?.Dispose();
    }

    /// <summary>The numbers that names are; null where one is none.</summary>
    internal static double[]? Values(IReadOnlyList<string> names)
    {
        var values = new double[names.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.TryParse(names[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]) || !double.IsFinite(values[i]))
            {
                return null;
            }
        }

        return values.Length == 0 ? null : values;
    }

    private static Objective Choose(MetricLearningOptions options, MethodContext context, out Objective objective)
    {
        var values = (int)(context.Values?.shape[1] ?? 0);
        if (context.Classes < 2 && values == 0)
        {
            throw TooFewClasses(context.Classes);
        }

        var loss = options.Loss!;
        objective = context.Catalogs.Create<Objective>(
            loss,
            new ObjectiveContext(context.Classes, context.Seed)
            {
                Catalogs = context.Catalogs,
                ClassValues = Values(context.ClassNames),
                HasMemory = options.Memory > 0,
                ValuesPerImage = values,
            });
        if (context.Classes < 2 && !objective.ComparesValues)
        {
            throw TooFewClasses(context.Classes);
        }

        if (values > 0 && !objective.ComparesValues)
        {
            throw new RecipeException(
                $"data.values: is there, but loss: {loss.Name} compares classes and no values; leave it out, or choose a loss that compares them");
        }

        if (options.Memory > 0 && objective.ComparesValues)
        {
            throw new RecipeException($"method.memory: must be 0 with loss: {loss.Name} of data.values, which are not remembered, is {options.Memory}; leave it out");
        }

        var batch = (long)context.GlobalBatchSize * options.Views;
        if (options.Memory > 0 && !objective.ComparesEmbeddings)
        {
            throw new RecipeException(
                $"method.memory: must be 0 with loss: {loss.Name}, which compares with what it learns of classes and not with other embeddings, "
                + $"is {options.Memory}; leave it out");
        }

        if (options.Memory > 0 && options.Memory < batch)
        {
            throw new RecipeException(
                $"method.memory: must be at least the {batch} embeddings of a step, is {options.Memory}; make it as large as memory allows");
        }

        return objective;
    }

    private static RecipeException TooFewClasses(int classes) =>
        new($"method: metricLearning tells classes apart, must have images of at least 2, has {classes}; name labelled images");

    /// <summary>Whether this step is compared with the memory and put into it.</summary>
    private bool Remembers(ViewBatch batch) => _memory is not null && batch.Step >= (_options.MemoryAfterSteps ?? MetricLearningOptions.DefaultMemoryAfterSteps);

    /// <summary>What <see cref="Compare"/> gathered of this step, without its graph; gathered now where that is not there.</summary>
    private LabelledEmbeddings Compared(ViewBatch batch, Embeddings embeddings) =>
        _last is { } last && ReferenceEquals(last.Batch, batch) && ReferenceEquals(last.Embeddings, embeddings) && !last.Compared.Anchors.IsInvalid
            ? last.Compared
            : Gathered(batch, embeddings);

    private static LabelledEmbeddings Constant(LabelledEmbeddings compared)
    {
        var anchors = compared.Anchors.detach();
        return compared with { Anchors = anchors, References = anchors };
    }

    /// <summary>This rank's embeddings where each is by itself in the loss, else everyone's.</summary>
    private LabelledEmbeddings Gathered(ViewBatch batch, Embeddings embeddings)
    {
        var local = Views == 1 ? embeddings.Learned[0] : cat([.. embeddings.Learned]); // [V * N, D]
        if (Objective.IsOfSingles)
        {
            return LabelledEmbeddings.Of(local, batch.Labels.repeat(Views), batch.Step);
        }

        var ranks = Context.Communicator;
        var all = ranks.GatherLearned(local);
        if (Views > 1 && ranks.Ranks > 1)
        {
            // View by view, as one rank has them: a choice among pairs falls on the same ones.
            all = all.view(ranks.Ranks, Views, -1, local.shape[1]).transpose(0, 1).reshape(-1, local.shape[1]);
        }

        var compared = LabelledEmbeddings.Of(all, ranks.AllGather(batch.Labels).repeat(Views), batch.Step);
        if (!Objective.ComparesValues)
        {
            return compared;
        }

        var own = Context.Values!.index_select(0, batch.Samples.cpu()).to(local.device);
        var values = ranks.AllGather(own).repeat(Views, 1);
        return compared with { Values = values, ReferenceValues = values };
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class MetricLearningOptions : IRemembers, IValidatableObject
{
    /// <summary>What <see cref="MemoryAfterSteps"/> is where nothing is said.</summary>
    internal const int DefaultMemoryAfterSteps = 1000;

    /// <summary>What <see cref="MemoryWeight"/> is where nothing is said.</summary>
    internal const double DefaultMemoryWeight = 1;

    /// <summary>The loss, with its settings, distance and miner.</summary>
    [Required]
    [ChosenFrom(typeof(Objective))]
    public Choice? Loss { get; set; } = new("normalisedSoftmax", new NormalisedSoftmaxOptions());

    /// <summary>V, views of each image; those of an image are of one class.</summary>
    [Range(1, 16)]
    public int Views { get; set; } = 1;

    /// <summary>K, embeddings of past batches that the batch is compared with too; 0 for none. Not for losses with proxies.</summary>
    [Range(0, int.MaxValue)]
    public int Memory { get; set; }

    /// <summary>
    /// After so many steps, by default 1000, the memory begins to fill and to count: before, embeddings move too fast for past ones to be
    /// right. Only with a memory.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int? MemoryAfterSteps { get; set; }

    /// <summary>Times the loss over the memory is added to the loss over the batch; by default 1, as the paper's code has it. Only with a memory.</summary>
    [Range(0.0, 1e6)]
    public double? MemoryWeight { get; set; }

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) => Memory == 0 ? [] : [new("memory", LabelledMemory.Bytes(Memory, scale.Width))];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, isSet) in new[] { (nameof(MemoryAfterSteps), MemoryAfterSteps is not null), (nameof(MemoryWeight), MemoryWeight is not null) })
        {
            if (isSet && Memory == 0)
            {
                yield return new ValidationResult("must not be set without a memory; leave it out, or set memory", [name]);
            }
        }
    }
}
