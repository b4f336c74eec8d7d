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
/// SimCLR with negatives from a memory of past batches in place of the batch's own: a small batch sees many negatives (Wu et
/// al. 2018 through SimCLR's section 2; lightly's NT-Xent with a memory bank). Both views learn; without a key encoder the
/// memory's embeddings are as old as the encoder that made them.
/// </summary>
[Named("simclrMemory")]
[Paper("Chen et al. 2020, with a memory of past batches as in Wu et al. 2018", "https://arxiv.org/abs/2002.05709")]
[Views(2)]
internal sealed class SimClrMemory : Method
{
    private readonly SimClrMemoryOptions _options;
    private readonly NegativeQueue _memory;

    public SimClrMemory(SimClrMemoryOptions options, MethodContext context)
        : base(context)
    {
        _options = options;
        _memory = new NegativeQueue(options.QueueLength, Encoder.Widths.Embedding, context.Seed, Encoder.Parameters.Values);
    }

    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        encoder.Embed(cat([batch.Views[0], batch.Views[1]])).chunk(2); // twice [N, D]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings) =>
        InfoNce.Loss(embeddings.Learned[0], embeddings.Learned[1], _memory.Keys, _options.Temperature);

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings) =>
        _memory.Enqueue(Context.Communicator.AllGather(embeddings.Learned[1].detach()));

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
    [
        ("queueFilled", _memory.Filled),
        ("queueAgeSteps", _memory.MeanAge(Context.GlobalBatchSize)),
        ("queueOldestSteps", _memory.OldestAge(Context.GlobalBatchSize)),
        ("informationBound", InfoNce.Bound(loss, _options.QueueLength + 1)),
    ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Part("memory", _memory);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _memory.Dispose();
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class SimClrMemoryOptions : IRemembers
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>K, embeddings of past batches that are negatives.</summary>
    [Range(1, int.MaxValue)]
    public int QueueLength { get; set; } = 65536;

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale) => [new("memory", NegativeQueue.Bytes(QueueLength, scale.Width))];
}
