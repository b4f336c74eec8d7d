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
/// Swapping assignments between views (Caron et al. 2020, https://arxiv.org/abs/2006.09882): the cluster that one view was
/// assigned to, with clusters used equally over the batch, is predicted from every other view.
/// </summary>
[Named("swav")]
[Paper("Caron et al. 2020, contrasting cluster assignments", "https://arxiv.org/abs/2006.09882")]
[Views(2, More = nameof(SwAvOptions.SmallViews))]
internal sealed class SwAv : Method
{
    private const int Assigned = 2; // the large views

    private readonly SwAvOptions _options;
    private readonly NegativeQueue[] _queues;
    private readonly Prototypes _prototypes;

    public SwAv(SwAvOptions options, MethodContext context)
        : base(context, Prototypes.Parts(options.Prototypes))
    {
        _options = options;
        _queues = [.. Enumerable.Range(0, options.QueueLength == 0 ? 0 : Assigned).Select(view => new NegativeQueue(
            options.QueueLength, Encoder.Widths.Embedding, context.Seed + (ulong)view, Encoder.Parameters.Values))];
        Prototypes.Normalise(Encoder);
        _prototypes = new Prototypes(Encoder, options.HeldEpochs);
    }

    /// <inheritdoc/>
    public override int Views => Assigned + _options.SmallViews;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => MultiCrop.Embed(encoder, batch.Views);

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var prototypes = Prototypes.Of(Encoder).t(); // [D, K]
        Tensor[] scores = [.. embeddings.Learned.Select(z => z.mm(prototypes))]; // V times [N, K]
        Tensor[] codes = [.. Enumerable.Range(0, Assigned).Select(view => Codes(batch, view, scores[view]))];
        return CrossViewPrediction.Loss(scores, codes, _options.Temperature); // eq. 1 and 2
    }

    /// <inheritdoc/>
    public override void Adjust(ViewBatch batch) => _prototypes.Adjust(batch.Epoch);

    /// <inheritdoc/>
    public override void Commit(ViewBatch batch, Embeddings embeddings)
    {
        _prototypes.Commit(batch.Epoch);
        Prototypes.Normalise(Encoder);
        for (var view = 0; view < _queues.Length; view++)
        {
            _queues[view].Enqueue(Context.Communicator.AllGather(embeddings.Learned[view].detach()));
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) => _queues.Length == 0
        ? []
        :
        [
            ("queueFilled", _queues[0].Filled),
            ("queueAgeSteps", _queues[0].MeanAge(Context.GlobalBatchSize)),
            ("queueOldestSteps", _queues[0].OldestAge(Context.GlobalBatchSize)),
        ];

    /// <inheritdoc/>
    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        for (var view = 0; view < _queues.Length; view++)
        {
            archive.Part($"queue{view}", _queues[view]);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _prototypes.Dispose();
        Array.ForEach(_queues, queue => queue.Dispose());
    }

    /// <summary>The soft assignment of a view's images, [N, K]; with the queue's, where the batch is too small for the clusters.</summary>
    private Tensor Codes(ViewBatch batch, int view, Tensor scores)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var own = scores.shape[0];
        var all = Context.Communicator.AllGather(scores.detach());
        if (_queues.Length > 0 && batch.Epoch >= _options.QueueFromEpoch && _queues[view].Filled >= 1)
        {
            all = cat([all, _queues[view].Keys.mm(Prototypes.Of(Encoder).t())]);
        }

        var codes = Sinkhorn.Codes(all, _options.Epsilon, _options.Iterations);
        return codes.narrow(0, Context.Communicator.Rank * own, own).MoveToOuterDisposeScope();
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class SwAvOptions : IValidatableObject, IRemembers
{
    /// <summary>Views that are small crops, beside two large ones whose assignments are predicted.</summary>
    [Range(0, 30)]
    public int SmallViews { get; set; }

    /// <summary>K, clusters.</summary>
    [Range(2, 1_000_000)]
    public int Prototypes { get; set; } = 3000;

    /// <summary>Divides scores in the prediction.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>Divides scores in the assignment: the smaller, the harder it is.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Epsilon { get; set; } = 0.05;

    /// <summary>Rounds of Sinkhorn's normalisation.</summary>
    [Range(1, 1000)]
    public int Iterations { get; set; } = 3;

    /// <summary>Epochs in which prototypes stay as they are.</summary>
    [Range(0, int.MaxValue)]
    public int HeldEpochs { get; set; } = 1;

    /// <summary>
    /// Embeddings of past batches, for each large view, that are assigned beside the batch's: for batches smaller
    /// than the clusters need; the paper's 3,840. 0 is none.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int QueueLength { get; set; }

    /// <summary>The epoch from which they are, once there are as many; the paper's 15, counted from 0.</summary>
    [Range(0, int.MaxValue)]
    public int QueueFromEpoch { get; set; }

    /// <inheritdoc/>
    public IEnumerable<StoreSize> Stores(StoreScale scale)
    {
        yield return new("prototypes", (long)Prototypes * scale.Width * sizeof(float));
        if (QueueLength > 0)
        {
            yield return new("queues", 2 * NegativeQueue.Bytes(QueueLength, scale.Width));
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (QueueLength == 0 && QueueFromEpoch > 0)
        {
            yield return new("has no effect without queueLength; leave it out", [nameof(QueueFromEpoch)]);
        }
    }
}
