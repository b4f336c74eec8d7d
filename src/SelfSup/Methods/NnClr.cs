using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Losses;
using SelfSup.Models;
using SelfSup.Negatives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Nearest-neighbour contrastive learning (Dwibedi et al. 2021, https://arxiv.org/abs/2104.14548, eq. 3): the positive of a
/// view's prediction is not the other view but what lies nearest to it among the embeddings of past batches.
/// </summary>
[Named("nnclr")]
[Paper("Dwibedi et al. 2021, with a little help from my friends", "https://arxiv.org/abs/2104.14548")]
[Views(2)]
internal sealed class NnClr : Method
{
    private const long LargestMatrix = 1 << 24; // similarities at once

    private readonly NnClrOptions _options;
    private readonly NegativeQueue _support;

    public NnClr(NnClrOptions options, MethodContext context)
        : base(context, Predictor.Parts(options.Predictor))
    {
        _options = options;
        _support = new NegativeQueue(options.QueueLength, Encoder.Widths.Embedding, context.Seed, Encoder.Parameters.Values);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <summary>Predictions p1, p2 and embeddings z1, z2.</summary>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        Tensor[] projections = [.. batch.Views.Select(encoder.Project)];
        return [.. projections.Select(z => Predictor.Predict(encoder, z)), .. projections.Select(Encoder.Unit)];
    }

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (p1, p2) = (embeddings.Learned[0], embeddings.Learned[1]);
        return (Direction(embeddings.Learned[2], p2) + Direction(embeddings.Learned[3], p1)) / 2;
    }

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings) =>
        _support.Enqueue(Context.Communicator.AllGather(embeddings.Learned[2].detach()));

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) => (embeddings.Learned[2], embeddings.Learned[3]);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
    [
        ("queueFilled", _support.Filled),
        ("queueAgeSteps", _support.MeanAge(Context.GlobalBatchSize)),
        ("queueOldestSteps", _support.OldestAge(Context.GlobalBatchSize)),
        ("informationBound", InfoNce.Bound(loss, Context.GlobalBatchSize)),
    ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("support", _support);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _support.Dispose();
    }

    /// <summary>Rows of the support set that lie nearest to embeddings, [N, D].</summary>
    internal Tensor Nearest(Tensor embeddings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var rows = Math.Max(1, LargestMatrix / _support.Keys.shape[0]);
        Tensor[] nearest = [.. embeddings.detach().split(rows).Select(part =>
        {
            using var inner = NewDisposeScope();
            return part.mm(_support.Keys.t()).argmax(1).MoveToOuterDisposeScope();
        })];
        return _support.Keys.index_select(0, cat(nearest)).MoveToOuterDisposeScope();
    }

    /// <summary>Each neighbour against the predictions of all images (eq. 3: the other predictions are the negatives).</summary>
    private Tensor Direction(Tensor embeddings, Tensor predictions) => InfoNce.InBatch(
        Nearest(embeddings), Context.Communicator.GatherLearned(predictions), Context.Communicator.Rank, _options.Temperature);
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class NnClrOptions : IRemembers
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>Embeddings in the support set.</summary>
    [Range(1, int.MaxValue)]
    public int QueueLength { get; set; } = 98304;

    /// <summary>The predictor.</summary>
    public PredictorOptions Predictor { get; set; } = new();

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) => [new("support set", NegativeQueue.Bytes(QueueLength, scale.Width))];
}
