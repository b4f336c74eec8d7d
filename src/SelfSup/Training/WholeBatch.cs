using SelfSup.Augmentation;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>The batch goes through the network at once.</summary>
internal sealed class WholeBatch(Method method, Compute compute) : IEmbedder
{
    /// <inheritdoc/>
    public IStageWatch? Watch { get; set; }

    /// <inheritdoc/>
    public Embeddings Embed(ViewBatch batch)
    {
        using var _ = compute.Enter();
        StageMark.Watch = Watch;
        try
        {
            return new Embeddings(method.Embed(method.Encoder, batch), Targets(method, batch));
        }
        finally
        {
            StageMark.Watch = null;
        }
    }

    /// <inheritdoc/>
    public Embeddings Again(ViewBatch batch) => Again(method, compute, batch);

    /// <inheritdoc/>
    public void Backward(Tensor loss) => GuardedBackward.Run(loss);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>A batch through the method's encoder at once, without a graph.</summary>
    public static Embeddings Again(Method method, Compute compute, ViewBatch batch)
    {
        using var _ = compute.Enter();
        using var without = no_grad();
        return new Embeddings(method.Embed(method.Encoder, batch), Targets(method, batch));
    }

    /// <summary>What the embeddings of a batch are compared with.</summary>
    public static IReadOnlyList<Tensor> Targets(Method method, ViewBatch batch)
    {
        using var _ = no_grad();
        return method.Target(batch);
    }
}
