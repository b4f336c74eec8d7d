using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// A way of learning from views of images: what to embed, what to compare, what to remember for the next step. A method
/// is one sealed class marked <see cref="Catalogs.NamedAttribute"/> with a constructor (TOptions,
/// <see cref="MethodContext"/>); its options stand below it in the same file.
/// </summary>
internal abstract class Method(Encoder encoder) : IStateful, IDisposable
{
    /// <summary>The encoder that is trained, evaluated and exported.</summary>
    public Encoder Encoder { get; } = encoder;

    /// <summary>V, how many augmented views of an image one step compares.</summary>
    public abstract int Views { get; }

    /// <summary>
    /// Images to the embeddings that are learned, each [N, D] with the images in the order of the batch: sample by sample
    /// but for BatchNorm, so that a batch can be embedded in slices. Remembers nothing but BatchNorm's statistics.
    /// </summary>
    /// <param name="encoder"><see cref="Encoder"/>, or a copy that has a part of the batch.</param>
    /// <param name="batch">The images' views.</param>
    public abstract IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch);

    /// <summary>
    /// Keys and targets, each [N, D]: what embeddings are compared with and that does not learn. Runs without a graph,
    /// sample by sample as <see cref="Embed"/> does.
    /// </summary>
    public virtual IReadOnlyList<Tensor> Target(ViewBatch batch) => [];

    /// <summary>
    /// The loss over the embeddings of the whole batch, a scalar with a graph. Runs in the embeddings' own precision.
    /// Remembers nothing.
    /// </summary>
    public abstract Tensor Compare(ViewBatch batch, Embeddings embeddings);

    /// <summary>Remembers the step: moves a key encoder, a queue, a memory bank. Runs after the optimizer.</summary>
    public virtual void Commit(ViewBatch batch, Embeddings embeddings)
    {
    }

    /// <inheritdoc/>
    public virtual void Exchange(StateArchive archive) => archive.Part("encoder", Encoder);

    /// <inheritdoc/>
    public virtual void Dispose() => Encoder.Dispose();
}

/// <summary>What is compared.</summary>
/// <param name="Learned">The tensors of <see cref="Method.Embed"/>, with a graph behind them, each [N, D].</param>
/// <param name="Constant">Those of <see cref="Method.Target"/>, each [N, D].</param>
internal sealed record Embeddings(IReadOnlyList<Tensor> Learned, IReadOnlyList<Tensor> Constant);

/// <summary>What a run gives to its method.</summary>
/// <param name="NewEncoder">Builds another encoder of the recipe's architecture, with the same initial weights.</param>
/// <param name="Images">M, the number of training images.</param>
/// <param name="Communicator">The ranks of the run.</param>
internal sealed record MethodContext(Func<Encoder> NewEncoder, long Images, Communicator Communicator);
