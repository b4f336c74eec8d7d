using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Objectives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Learning from pairs, triplets or ranked candidates that are listed, where there are no classes: what was bought together, who
/// is the same, what somebody preferred (collaborative metric learning, Hsieh et al. 2017,
/// https://doi.org/10.1145/3038912.3052639). Both sides of a pair go through the one encoder. All ranks compute the loss of the
/// whole batch, so that it does not depend on how many they are.
/// </summary>
[Named("tupleLearning")]
[Paper("Hsieh et al. 2017, collaborative metric learning", "https://doi.org/10.1145/3038912.3052639")]
[Views(1)]
[LearnsEmbeddings]
internal sealed class TupleLearning : Method
{
    private readonly TupleObjective _objective;
    private readonly TupleBatches _tuples;
    private long _leftOut;

    public TupleLearning(TupleLearningOptions options, MethodContext context)
        : base(context, Choose(options, context, out var objective).Parts) =>
        (_objective, _tuples) = (objective, context.Tuples!);

    /// <inheritdoc/>
    public override int Views => 1;

    /// <inheritdoc/>
    internal override bool NeedsTuples => true;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        [_objective.OfUnitVectors ? encoder.Embed(batch.Views[0]) : encoder.Project(batch.Views[0])]; // [N, D]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings) => Compared(batch, embeddings) is { } tuples
        ? _objective.Loss(tuples, Encoder)
        : embeddings.Learned[0].sum() * 0;

    /// <summary>
    /// The anchor of each of this rank's tuples and the candidate of it with the highest score; itself where that is not above 0. One row
    /// a tuple, whatever the scores, so that all ranks give as many.
    /// </summary>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings)
    {
        var list = _tuples.List;
        var all = embeddings.Learned[0];
        var count = all.shape[0] / list.Width;
        var rows = _tuples.Rows(batch.Step)[((int)(Context.Communicator.Rank * count) * list.PerTuple)..];
        var (anchors, candidates) = (new long[count], new long[count]);
        for (var tuple = 0; tuple < count; tuple++)
        {
            var own = rows.Slice(tuple * list.PerTuple, list.PerTuple);
            var best = 0;
            for (var i = 1; i < own.Length; i++)
            {
                best = list.Score(own[i]) > list.Score(own[best]) ? i : best;
            }

            anchors[tuple] = (long)tuple * list.Width;
            candidates[tuple] = anchors[tuple] + (list.Score(own[best]) > 0 ? 1 + best : 0);
        }

        // One tuple is too few rows to look at, on all ranks together.
        return _tuples.TuplesPerBatch > 1
            ? (Chosen(all, anchors), Chosen(all, candidates))
            : (all, all);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss)
    {
        using var scope = NewDisposeScope();
        var tuples = Compared(batch, embeddings);
        return [.. tuples is null ? [] : _objective.Facts(tuples, Encoder), ("tuplesLeftOut", _leftOut)];
    }

    private static Tensor Chosen(Tensor rows, long[] places) => rows.index_select(0, tensor(places, device: rows.device));

    private static TupleObjective Choose(TupleLearningOptions options, MethodContext context, out TupleObjective objective)
    {
        var tuples = context.Tuples
            ?? throw new RecipeException("data.pairs: is not there, tupleLearning learns from listed pairs; name a list or another method");
        objective = context.Catalogs.Create<TupleObjective>(
            options.Loss, new ObjectiveContext(context.Classes, context.Seed) { Catalogs = context.Catalogs });
        objective.Require(tuples.List);
        return objective;
    }

    /// <summary>
    /// The tuples of all ranks that are whole; null where none is. One of whose images another has taken the place of, because it
    /// could not be read, is no tuple of the list.
    /// </summary>
    private TupleEmbeddings? Compared(ViewBatch batch, Embeddings embeddings)
    {
        var list = _tuples.List;
        var local = embeddings.Learned[0];
        var all = Context.Communicator.GatherLearned(local); // [N of all, D]
        var samples = Context.Communicator.AllGather(batch.Samples).cpu().data<long>().ToArray();
        var expected = new int[samples.Length];
        _ = _tuples.Fill(batch.Step, expected);
        int[] whole = [.. Enumerable.Range(0, _tuples.TuplesPerBatch).Where(tuple => IsWhole(tuple * list.Width))];
        _leftOut = _tuples.TuplesPerBatch - whole.Length;
        if (whole.Length == 0)
        {
            return null;
        }

        var tuples = all.view(_tuples.TuplesPerBatch, list.Width, -1); // [T, width, D]
        var rows = _tuples.Rows(batch.Step).ToArray();
        if (_leftOut > 0)
        {
            tuples = tuples.index_select(0, tensor(whole, dtype: int64, device: all.device));
            rows = [.. whole.SelectMany(tuple => rows.Skip(tuple * list.PerTuple).Take(list.PerTuple))];
            expected = [.. whole.SelectMany(tuple => expected.Skip(tuple * list.Width).Take(list.Width))];
        }

        return new TupleEmbeddings(
            tuples.select(1, 0),
            tuples.narrow(1, 1, list.PerTuple),
            list.HasNegatives ? tuples.select(1, list.Width - 1) : null,
            tensor(Array.ConvertAll(rows, list.Score), dtype: float64, device: all.device).view(-1, list.PerTuple),
            expected,
            list);

        bool IsWhole(int first)
        {
            for (var i = first; i < first + list.Width; i++)
            {
                if (samples[i] != expected[i])
                {
                    return false;
                }
            }

            return true;
        }
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class TupleLearningOptions
{
    /// <summary>The loss, with its settings and distance.</summary>
    [Required]
    [ChosenFrom(typeof(TupleObjective))]
    public Choice Loss { get; set; } = new("triplet", new TupleTripletOptions());
}
