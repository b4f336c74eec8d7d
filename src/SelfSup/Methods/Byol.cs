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
/// Bootstrap your own latent (Grill et al. 2020, https://arxiv.org/abs/2006.07733): the online encoder predicts what the
/// target encoder, its moving average, makes of the other view. There are no negatives.
/// </summary>
[Named("byol")]
[Paper("Grill et al. 2020, bootstrap your own latent", "https://arxiv.org/abs/2006.07733")]
[Views(2)]
internal sealed class Byol : Method
{
    private readonly KeyEncoder _target;
    private readonly MomentumSchedule _momentum;

    public Byol(ByolOptions options, MethodContext context)
        : base(context, Predictor.Parts(options.Predictor))
    {
        _target = new KeyEncoder(context);
        _momentum = new MomentumSchedule(options.Momentum, options.FinalMomentum, context.Span.TotalSteps);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IEnumerable<Encoder> Encoders => [Encoder, _target.Encoder];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        [.. batch.Views.Select(view => Predictor.Predict(encoder, encoder.Project(view)))];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Target(ViewBatch batch) => [.. batch.Views.Select(_target.Encoder.Embed)];

    /// <summary>Eq. 2, 2 - 2 cos, for both directions.</summary>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (prediction, target) = (embeddings.Learned, embeddings.Constant);
        return 4 + (2 * (NegativeCosine.Loss(prediction[0], target[1]) + NegativeCosine.Loss(prediction[1], target[0])));
    }

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings) => _target.Follow(Encoder, _momentum.At(batch.Step));

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
        [("keyMomentum", _momentum.At(batch.Step))];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("target", _target);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _target.Dispose();
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class ByolOptions : IRemembers
{
    /// <summary>The target's momentum at the first step; the paper takes 0.996, for 300 epochs 0.99.</summary>
    [Range(0.0, 1.0)]
    public double Momentum { get; set; } = 0.996;

    /// <summary>What it rises to, along half a cosine over the run.</summary>
    [Range(0.0, 1.0)]
    public double FinalMomentum { get; set; } = 1;

    /// <summary>The predictor.</summary>
    public PredictorOptions Predictor { get; set; } = new();

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) => [new("target encoder", KeyEncoder.Bytes(scale.Parameters))];
}
