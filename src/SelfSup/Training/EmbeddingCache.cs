using SelfSup.Augmentation;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Telemetry;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// A batch that does not fit into memory goes through the network in slices: once without a graph, for the embeddings;
/// then, when the loss has told the gradient of every embedding, slice by slice again with a graph, through which that
/// gradient flows back (Gao et al. 2021, https://arxiv.org/abs/2101.06983, section 3.2). The gradient is that of the
/// whole batch, not the sum of the slices' losses; only BatchNorm sees a slice at a time. It costs one more forward pass.
/// </summary>
/// <param name="method">What is learned.</param>
/// <param name="sliceSize">Images in the network at once, at most.</param>
/// <param name="compute">How it computes.</param>
/// <param name="heartbeat">Told of every slice, or null.</param>
internal sealed class EmbeddingCache(Method method, int sliceSize, Compute compute, Heartbeat? heartbeat = null) : IEmbedder
{
    private IReadOnlyList<ViewBatch> _slices = [];
    private Tensor[] _learned = [];

    /// <inheritdoc/>
    public IStageWatch? Watch { get; set; }

    /// <inheritdoc/>
    public Embeddings Embed(ViewBatch batch)
    {
        using var _ = compute.Enter();
        _slices = batch.Slices(sliceSize);
        using (no_grad())
        {
            // The second pass makes the same embeddings, and it is the one whose statistics count.
            using var statistics = new BufferSnapshot(method.Encoder);
            _learned = Joined(_slices, slice => method.Embed(method.Encoder, slice));
            statistics.Restore();
        }

        Array.ForEach(_learned, embedding => embedding.requires_grad_());
        return new Embeddings(_learned, Joined(_slices, slice => WholeBatch.Targets(method, slice)));
    }

    /// <inheritdoc/>
    public Embeddings Again(ViewBatch batch)
    {
        using var _ = compute.Enter();
        using var without = no_grad();
        var slices = batch.Slices(sliceSize);
        return new Embeddings(
            Joined(slices, slice => method.Embed(method.Encoder, slice)), Joined(slices, slice => WholeBatch.Targets(method, slice)));
    }

    /// <inheritdoc/>
    public void Backward(Tensor loss)
    {
        GuardedBackward.Run(loss);
        var gradients = _learned.Select(embedding => embedding.grad ?? zeros_like(embedding)).ToArray();
        long first = 0;
        foreach (var slice in _slices)
        {
            using var scope = NewDisposeScope();
            IReadOnlyList<Tensor> embeddings;
            StageMark.Watch = slice == _slices[^1] ? Watch : null; // before the last, gradients are not complete
            using (compute.Enter())
            {
                embeddings = method.Embed(method.Encoder, slice);
            }

            StageMark.Watch = null;

            var count = slice.Samples.shape[0];
            Tensor[] own = [.. gradients.Select(g => g.narrow(0, first, count))];
            GuardedBackward.Run(embeddings, own);
            first += count;
            heartbeat?.Beat("backward pass, in slices");
        }

        (_slices, _learned) = ([], []); // they end with the step's scope
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>What is made of each slice, put together again: tensors [N, D].</summary>
    private Tensor[] Joined(IReadOnlyList<ViewBatch> slices, Func<ViewBatch, IReadOnlyList<Tensor>> make)
    {
        using var scope = NewDisposeScope();
        var parts = new List<IReadOnlyList<Tensor>>();
        foreach (var slice in slices)
        {
            using var inner = NewDisposeScope();
            parts.Add([.. make(slice).Select(part => part.MoveToOuterDisposeScope())]);
            heartbeat?.Beat("forward pass, in slices");
        }

        return [.. Enumerable.Range(0, parts[0].Count).Select(i => cat([.. parts.Select(p => p[i])]).MoveToOuterDisposeScope())];
    }
}
