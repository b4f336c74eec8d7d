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
/// MoCo v3 (Chen, Xie and He 2021, https://arxiv.org/abs/2104.02057, algorithm 1): no queue, the negatives are the other keys
/// of the batch; a predictor on the query encoder, and both directions. For vision transformers freeze the patch projection
/// (<c>encoder.vit.freezePatchProjection</c>, section 4.2).
/// </summary>
[Named("mocoV3")]
[Paper("Chen, Xie and He 2021, training self-supervised vision transformers", "https://arxiv.org/abs/2104.02057")]
[Views(2)]
internal sealed class MoCoV3 : Method
{
    private readonly MoCoV3Options _options;
    private readonly KeyEncoder _key;
    private readonly MomentumSchedule _momentum;

    public MoCoV3(MoCoV3Options options, MethodContext context)
        : base(context, Predictor.Parts(options.Predictor))
    {
        _options = options;
        _key = new KeyEncoder(context);
        _momentum = new MomentumSchedule(options.KeyMomentum, options.FinalKeyMomentum, context.Span.TotalSteps);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IEnumerable<Encoder> Encoders => [Encoder, _key.Encoder];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        [.. batch.Views.Select(view => Predictor.Predict(encoder, encoder.Project(view)))];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Target(ViewBatch batch) => [.. batch.Views.Select(_key.Encoder.Embed)];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (queries, keys) = (embeddings.Learned, embeddings.Constant);
        return Direction(queries[0], keys[1]) + Direction(queries[1], keys[0]);
    }

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings) => _key.Follow(Encoder, _momentum.At(batch.Step));

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) => (embeddings.Learned[0], embeddings.Constant[1]);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
    [
        ("keyMomentum", _momentum.At(batch.Step)),
        ("informationBound", InfoNce.Bound(loss / (4 * _options.Temperature), Context.GlobalBatchSize)),
    ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("key", _key);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _key.Dispose();
    }

    // The factor 2 T takes the temperature out of the gradient's size (section 3, "ctr").
    private Tensor Direction(Tensor queries, Tensor keys) =>
        2 * _options.Temperature
        * InfoNce.InBatch(queries, Context.Communicator.AllGather(keys), Context.Communicator.Rank, _options.Temperature);
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class MoCoV3Options : IRemembers
{
    /// <summary>Divides every logit.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.2;

    /// <summary>m in key = m key + (1 - m) query at the first step.</summary>
    [Range(0.0, 1.0)]
    public double KeyMomentum { get; set; } = 0.99;

    /// <summary>What it rises to, along half a cosine over the run.</summary>
    [Range(0.0, 1.0)]
    public double FinalKeyMomentum { get; set; } = 1;

    /// <summary>
    /// The predictor; with a vision transformer the authors' last layer is normalised without scale and shift too
    /// (<c>batchNorm: all, outputAffine: false</c>).
    /// </summary>
    public PredictorOptions Predictor { get; set; } = new();

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) => [new("key encoder", KeyEncoder.Bytes(scale.Parameters))];
}
