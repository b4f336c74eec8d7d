using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Losses;
using SelfSup.Models;
using SelfSup.Optimization;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Self-distillation with no labels (Caron et al. 2021, https://arxiv.org/abs/2104.14294, algorithm 1): the student predicts,
/// from every view, what its moving average says of the large ones, which is centred and sharpened lest all agree on nothing.
/// </summary>
[Named("dino")]
[Paper("Caron et al. 2021, emerging properties in self-supervised vision transformers", "https://arxiv.org/abs/2104.14294")]
[Views(2, More = nameof(DinoOptions.SmallViews))]
internal sealed class Dino : Method
{
    private const int Large = 2;

    private readonly DinoOptions _options;
    private readonly KeyEncoder _teacher;
    private readonly MomentumSchedule _momentum;
    private readonly Tensor _center; // [K]
    private readonly Prototypes _lastLayer;

    public Dino(DinoOptions options, MethodContext context)
        : base(context, Prototypes.Parts(options.Prototypes))
    {
        _options = options;
        _teacher = new KeyEncoder(context, Prototypes.Parts(options.Prototypes));
        _momentum = new MomentumSchedule(options.Momentum, options.FinalMomentum, context.Span.TotalSteps);
        var last = Prototypes.Of(Encoder);
        _center = zeros(options.Prototypes, last.dtype, last.device).DetachFromDisposeScope();
        _lastLayer = new Prototypes(Encoder, options.HeldEpochs);
    }

    /// <inheritdoc/>
    public override int Views => Large + _options.SmallViews;

    /// <inheritdoc/>
    public override IEnumerable<Encoder> Encoders => [Encoder, _teacher.Encoder];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => MultiCrop.Embed(encoder, batch.Views);

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Target(ViewBatch batch) => MultiCrop.Embed(_teacher.Encoder, [.. batch.Views.Take(Large)]);

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        // The last layer has unit-length rows (weight normalisation with a length of 1, in the authors' code norm_last_layer).
        var last = Encoder.Unit(Prototypes.Of(Encoder)).t(); // [D, K]
        Tensor[] student = [.. embeddings.Learned.Select(z => z.mm(last))]; // V times [N, K]
        var teacher = Sharpened(cat([.. embeddings.Constant]), batch.Epoch).chunk(Large); // twice [N, K]
        return CrossViewPrediction.Loss(student, teacher, _options.StudentTemperature);
    }

    /// <inheritdoc/>
    public override void Adjust(ViewBatch batch) => _lastLayer.Adjust(batch.Epoch);

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // The mean of the teacher's logits over all images and large views (eq. 4) is what it makes of their mean.
        var mean = cat([.. embeddings.Constant]).mean([0], keepdim: true);
        Context.Communicator.AllReduceMean(mean);
        _center.lerp_(Logits(mean).squeeze(0), 1 - _options.CenterMomentum);
        _lastLayer.Commit(batch.Epoch);
        _teacher.Follow(Encoder, _momentum.At(batch.Step));
    }

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) => (embeddings.Learned[0], embeddings.Constant[1]);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
    [
        ("keyMomentum", _momentum.At(batch.Step)),
        ("teacherTemperature", _options.TeacherTemperatureAt(batch.Epoch)),
        ("centerNorm", _center.norm().to(float64).item<double>()),
    ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("teacher", _teacher);
        archive.Tensor("center", _center);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _teacher.Dispose();
        _center.Dispose();
        _lastLayer.Dispose();
    }

    /// <summary>softmax((logits - center) / temperature), [N, K].</summary>
    private Tensor Sharpened(Tensor embeddings, long epoch)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return ((Logits(embeddings) - _center) / _options.TeacherTemperatureAt(epoch)).softmax(1).MoveToOuterDisposeScope();
    }

    private Tensor Logits(Tensor embeddings) => embeddings.mm(Encoder.Unit(Prototypes.Of(_teacher.Encoder)).t());
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class DinoOptions : IValidatableObject, IRemembers
{
    /// <summary>Views that are small crops, beside two large ones that the teacher sees.</summary>
    [Range(0, 30)]
    public int SmallViews { get; set; }

    /// <summary>K, outputs of the last layer.</summary>
    [Range(2, 1_000_000)]
    public int Prototypes { get; set; } = 65536;

    /// <summary>Divides the student's logits.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double StudentTemperature { get; set; } = 0.1;

    /// <summary>Divides the teacher's logits once it is warm.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double TeacherTemperature { get; set; } = 0.04;

    /// <summary>Where the teacher's temperature begins; as it ends where this is left out.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double? FirstTeacherTemperature { get; set; }

    /// <summary>Epochs in which it rises, linearly and at the start of each; the last of them has the final one already.</summary>
    [Range(0, int.MaxValue)]
    public int TeacherWarmupEpochs { get; set; }

    /// <summary>What the centre keeps at each step.</summary>
    [Range(0.0, 1.0)]
    public double CenterMomentum { get; set; } = 0.9;

    /// <summary>The teacher's momentum at the first step.</summary>
    [Range(0.0, 1.0)]
    public double Momentum { get; set; } = 0.996;

    /// <summary>What it rises to, along half a cosine over the run.</summary>
    [Range(0.0, 1.0)]
    public double FinalMomentum { get; set; } = 1;

    /// <summary>Epochs in which the last layer stays as it is.</summary>
    [Range(0, int.MaxValue)]
    public int HeldEpochs { get; set; } = 1;

    /// <summary>The teacher's temperature in an epoch.</summary>
    internal double TeacherTemperatureAt(long epoch)
    {
        if (FirstTeacherTemperature is not { } first || epoch >= TeacherWarmupEpochs - 1)
        {
            return TeacherTemperature;
        }

        return first + ((TeacherTemperature - first) * epoch / (TeacherWarmupEpochs - 1));
    }

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) =>
    [
        new("teacher", KeyEncoder.Bytes(scale.Parameters + (Prototypes * scale.Width))),
        new("last layer and centre", (Prototypes * (scale.Width + 1)) * sizeof(float)),
    ];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (FirstTeacherTemperature is null != (TeacherWarmupEpochs == 0))
        {
            yield return new(
                "firstTeacherTemperature and teacherWarmupEpochs belong together; set both or none", [nameof(TeacherWarmupEpochs)]);
        }
    }
}
