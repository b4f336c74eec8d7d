using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Diagnostics;
using SelfSup.Distributed;
using SelfSup.Models;
using SelfSup.Optimization;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// A way of learning from views of images: what to embed, what to compare, what to remember for the next step. A method
/// is one sealed class marked <see cref="Catalogs.NamedAttribute"/>, <see cref="PaperAttribute"/> and <see cref="ViewsAttribute"/>
/// with a constructor (TOptions, <see cref="MethodContext"/>); its options stand below it in the same file.
/// </summary>
/// <param name="context">What the run gives to it.</param>
/// <param name="parts">What it adds to the encoder, such as a predictor; or null.</param>
public abstract class Method(MethodContext context, EncoderParts? parts = null) : IStateful, IDisposable
{
    /// <summary>The encoder that is trained, evaluated and exported.</summary>
    public Encoder Encoder { get; } = context.NewEncoder(parts);

    /// <summary>V, how many augmented views of an image one step compares.</summary>
    public abstract int Views { get; }

    /// <summary>Whether it learns from labels.</summary>
    public virtual bool NeedsLabels => false;

    /// <summary>Whether it learns from listed pairs or triplets, <see cref="MethodContext.Tuples"/>.</summary>
    internal virtual bool NeedsTuples => false;

    /// <summary>Whether parts of a batch may go through copies of the encoder at the same time, and be normalised together.</summary>
    public virtual bool AllowsReplicas => true;

    /// <summary>
    /// Whether batch normalisation is over the images of all ranks: as the recipe says or, where it leaves that to the method, yes. A
    /// method that needs statistics of parts says no then.
    /// </summary>
    public virtual bool SharesBatchNorm => Context.SyncBatchNorm ?? true;

    /// <summary>
    /// The effective rank below which embeddings are taken for collapsed. One that learns to tell two classes apart puts them on a line
    /// when all is well, so that it says 0: only a constant output is a collapse then.
    /// </summary>
    public virtual double LeastEffectiveRank => EmbeddingReport.DefaultLeastRank;

    /// <summary>All encoders it computes with: <see cref="Encoder"/>, and a key encoder where it has one.</summary>
    public virtual IEnumerable<Encoder> Encoders => [Encoder];

    /// <summary>What the run gave to it.</summary>
    protected MethodContext Context { get; } = context;

    /// <summary>Another encoder like <see cref="Encoder"/>, with the weights that it began with.</summary>
    public Encoder NewEncoder() => Context.NewEncoder(parts);

    /// <summary>Looks at the views that a recipe makes, before anything is computed.</summary>
    /// <param name="sides">The side of each of the V views, in pixels.</param>
    /// <exception cref="Errors.RecipeException">The method cannot work on views of such a size.</exception>
    public virtual void Check(IReadOnlyList<int> sides)
    {
    }

    /// <summary>
    /// How fast a parameter learns, in units of the learning rate: parts that begin from nothing may learn faster, what no loss depends
    /// on has 0 and stays as it is.
    /// </summary>
    /// <param name="parameter">Its name in the encoder, <c>head.layers.0.weight</c>.</param>
    public virtual double RateOf(string parameter) => 1;

    /// <summary>Changes a whole batch before it is embedded, as mixing its images does. A function of the batch.</summary>
    /// <param name="batch">This rank's, on its device.</param>
    /// <returns>The batch, or another of the same samples.</returns>
    public virtual ViewBatch Prepare(ViewBatch batch) => batch;

    /// <summary>
    /// Images to the embeddings that are learned, each [N, D] with the images in the order of the batch: sample by sample
    /// but for BatchNorm, so that a batch can be embedded in slices. Remembers nothing but BatchNorm's statistics: a checkpoint of
    /// the step before may still be copying the weights, of key encoders too, which change in <see cref="Commit"/> only.
    /// </summary>
    /// <param name="encoder"><see cref="Encoder"/>, or a copy that has a part of the batch.</param>
    /// <param name="batch">The images' views.</param>
    public abstract IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch);

    /// <summary>
    /// Keys and targets, each [N, D]: what embeddings are compared with and that does not learn. Runs without a graph,
    /// sample by sample as <see cref="Embed"/> does, and like it changes no weight.
    /// </summary>
    public virtual IReadOnlyList<Tensor> Target(ViewBatch batch) => [];

    /// <summary>
    /// The loss over the embeddings of the whole batch, a scalar with a graph; parts of <see cref="Encoder"/> may be used, the
    /// images may not. Runs in the embeddings' own precision. Remembers nothing.
    /// </summary>
    public abstract Tensor Compare(ViewBatch batch, Embeddings embeddings);

    /// <summary>Changes gradients before they are clipped and the optimizer takes them: how a part stays as it is for a while.</summary>
    public virtual void Adjust(ViewBatch batch)
    {
    }

    /// <summary>Remembers the step: moves a key encoder, a queue, a memory bank. Runs after the optimizer.</summary>
    public virtual void Commit(ViewBatch batch, Embeddings embeddings)
    {
    }

    /// <summary>
    /// Two tensors [N, D] whose rows at the same place are of the same image, or of one class, and whose other rows are not, or say so in
    /// <see cref="ClassesOf"/>: what the report on the embedding space looks at. N is the same on all ranks.
    /// </summary>
    public virtual (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) =>
        (embeddings.Learned[0], embeddings.Learned.Count > 1 ? embeddings.Learned[1] : embeddings.Constant[0]);

    /// <summary>
    /// The classes of the rows of <see cref="Positives"/>, int64 [N], where rows at different places may be of one; null where they are not.
    /// </summary>
    public virtual Tensor? ClassesOf(ViewBatch batch) => null;

    /// <summary>What else there is to report of a step, by the names of metrics: ages of stores, bounds.</summary>
    /// <param name="batch">The step's batch; the step is committed.</param>
    /// <param name="embeddings">Its embeddings.</param>
    /// <param name="loss">Its loss.</param>
    public virtual IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) => [];

    /// <inheritdoc/>
    public virtual void Exchange(StateArchive archive) => archive.Part("encoder", Encoder);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Encoder.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>What is compared.</summary>
/// <param name="Learned">The tensors of <see cref="Method.Embed"/>, with a graph behind them, each [N, D].</param>
/// <param name="Constant">Those of <see cref="Method.Target"/>, each [N, D].</param>
public sealed record Embeddings(IReadOnlyList<Tensor> Learned, IReadOnlyList<Tensor> Constant);

/// <summary>What a run gives to its method.</summary>
/// <param name="NewEncoder">Builds another encoder of the recipe's architecture, with the same initial weights.</param>
/// <param name="Images">M, the number of training images.</param>
/// <param name="Communicator">The ranks of the run.</param>
public sealed record MethodContext(Func<EncoderParts?, Encoder> NewEncoder, long Images, Communicator Communicator)
{
    /// <summary>The run's seed: what a method draws is a function of it, of the step and of the sample.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Images a step over all ranks.</summary>
    public int GlobalBatchSize { get; init; } = 2;

    /// <summary>Whether the recipe wants batch normalisation over the images of all ranks; null where the method decides.</summary>
    public bool? SyncBatchNorm { get; init; }

    /// <summary>Classes that the training images are of; 0 where they have no labels.</summary>
    public int Classes { get; init; }

    /// <summary>Their names, in the order of labels; empty where nobody asked for them.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>
    /// Numbers that belong to the training images, [M, V] float32 on the CPU, by <see cref="ViewBatch.Samples"/>; null where the recipe
    /// names none. The run's, not to be disposed.
    /// </summary>
    public Tensor? Values { get; init; }

    /// <summary>The listed pairs or triplets that batches consist of, one reader's own; null where the recipe names none.</summary>
    internal TupleBatches? Tuples { get; init; }

    /// <summary>What a method's own choices are made from.</summary>
    internal CatalogSet Catalogs { get; init; } = new(typeof(Method).Assembly);

    /// <summary>How long the run is, for schedules of the method's own.</summary>
    public ScheduleSpan Span { get; init; } = new(TotalSteps: 1000, StepsPerEpoch: 100);
}
