using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Models;
using SelfSup.Negatives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Momentum contrast (He et al. 2020, https://arxiv.org/abs/1911.05722, algorithm 1). Version 2 (Chen et al. 2020,
/// https://arxiv.org/abs/2003.04297) is the same under a head of two layers, with blurred views and a temperature of 0.2:
/// settings of the recipe.
/// </summary>
[Named("moco")]
[Paper("He et al. 2020, momentum contrast; Chen et al. 2020, MoCo v2", "https://arxiv.org/abs/1911.05722")]
[Views(2)]
internal sealed class MoCo : Method
{
    private readonly MoCoOptions _options;
    private readonly KeyEncoder _key;
    private readonly NegativeQueue _queue;
    private readonly SplitBatchNorm _split;

    /// <exception cref="RecipeException">The queue is shorter than what a step puts into it.</exception>
    public MoCo(MoCoOptions options, MethodContext context)
        : base(context)
    {
        var keys = (options.Symmetric ? 2 : 1) * context.GlobalBatchSize;
        if (options.QueueLength < keys)
        {
            throw new RecipeException(
                $"method.queueLength: must be at least the {keys} keys of a step{(options.Symmetric ? ", which is symmetric" : "")}, is "
                + $"{options.QueueLength}; make it as large as memory allows");
        }

        (_options, _split) = (options, new SplitBatchNorm(options.SplitBatchNorm, context));
        _key = new KeyEncoder(context);
        _queue = new NegativeQueue(options.QueueLength, Encoder.Widths.Embedding, context.Seed, Encoder.Parameters.Values);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <summary>Not where a batch is normalised in parts: in copies they would be others.</summary>
    public override bool AllowsReplicas => _options.SplitBatchNorm == 1;

    /// <summary>Only where the recipe insists: over all images together, statistics would give the keys of the batch away.</summary>
    public override bool SharesBatchNorm => Context.SyncBatchNorm ?? false;

    /// <inheritdoc/>
    public override IEnumerable<Encoder> Encoders => [Encoder, _key.Encoder];

    /// <summary>Queries: of the first view, and of the second too where the loss is symmetric.</summary>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        [.. batch.Views.Take(_options.Symmetric ? 2 : 1).Select(view => _split.Embed(encoder, view))];

    /// <summary>Keys: of the second view, and of the first too where the loss is symmetric.</summary>
    public override IReadOnlyList<Tensor> Target(ViewBatch batch) =>
        [.. Enumerable.Range(0, _options.Symmetric ? 2 : 1).Select(i => _split.EmbedShuffled(_key.Encoder, batch, view: 1 - i))];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var directions = embeddings.Learned.Zip(embeddings.Constant)
            .Select(pair => InfoNce.Loss(pair.First, pair.Second, _queue.Keys, _options.Temperature)) // eq. 1
            .ToArray();
        return stack(directions).mean();
    }

    /// <summary>
    /// The authors move the key encoder before they make keys with it. Here it moves behind the step before, which is the
    /// same sequence: at the first step both encoders are equal.
    /// </summary>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        foreach (var keys in embeddings.Constant)
        {
            _queue.Enqueue(Context.Communicator.AllGather(keys));
        }

        _key.Follow(Encoder, _options.KeyMomentum);
    }

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) => (embeddings.Learned[0], embeddings.Constant[0]);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
    [
        ("queueFilled", _queue.Filled),
        ("queueAgeSteps", _queue.MeanAge((_options.Symmetric ? 2L : 1) * Context.GlobalBatchSize)),
        ("queueOldestSteps", _queue.OldestAge((_options.Symmetric ? 2L : 1) * Context.GlobalBatchSize)),
        ("informationBound", InfoNce.Bound(loss, _options.QueueLength + 1)),
    ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("key", _key);
        archive.Part("queue", _queue);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _key.Dispose();
        _queue.Dispose();
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class MoCoOptions : IRemembers
{
    /// <summary>m in key = m key + (1 - m) query; shorter trainings take 0.99.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double KeyMomentum { get; set; } = 0.999;

    /// <summary>K, keys in the queue: at least one global batch, two with a symmetric loss.</summary>
    [Range(1, int.MaxValue)]
    public int QueueLength { get; set; } = 65536;

    /// <summary>Divides every logit: 0.07 in version 1, 0.2 in version 2.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.07;

    /// <summary>Whether both views are queries, each with the other's key: the mean of both directions, twice the work.</summary>
    public bool Symmetric { get; set; }

    /// <summary>
    /// Parts of this rank's batch that batch normalisation sees by themselves, the keys' in another order; 1 is enough on
    /// several ranks, which normalise their own unless ranks.syncBatchNorm says otherwise; on one the authors' small runs take 8.
    /// </summary>
    [Range(1, 1024)]
    public int SplitBatchNorm { get; set; } = 1;

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) =>
    [
        new("key encoder", KeyEncoder.Bytes(scale.Parameters)),
        new("queue", NegativeQueue.Bytes(QueueLength, scale.Width)),
    ];
}
