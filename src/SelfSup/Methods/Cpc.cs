using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Models;
using SelfSup.Randomness;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Contrastive predictive coding of images (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, section 3.3): an image
/// is a grid of overlapping patches, each embedded by itself; from the rows above it, every patch is told among all patches of
/// the batch. Similarities are the paper's raw products z W_k c (eq. 3) and have no temperature: W_k learns their scale.
/// <para>
/// Patches that a context is compared with are those of the rows it could predict at that distance, of all images: so the
/// negatives have the distribution of the positives, as the bound on mutual information wants it (section 2.3).
/// </para>
/// </summary>
[Named("cpc")]
[Views(1)]
[Paper("van den Oord et al. 2018, representation learning with contrastive predictive coding", "https://arxiv.org/abs/1807.03748")]
internal sealed class Cpc(CpcOptions options, MethodContext context) : Method(context, Parts(options))
{
    private const string Name = "context";

    /// <inheritdoc/>
    public override int Views => 1;

    /// <summary>
    /// The patches, [N, grid, grid, D], and for k = 1 .. K rows ahead what is predicted of those that have so many rows above
    /// them, [N, grid - k, grid, D].
    /// </summary>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        using var scope = NewDisposeScope();
        var patches = encoder.Project(Cut(batch)); // [N * grid^2, D]
        var z = patches.reshape(batch.Samples.shape[0], options.Grid, options.Grid, -1);
        var network = encoder.Part<CpcContext>(Name);
        var contexts = network.call(z);
        Tensor[] learned = [z, .. Ahead.Select(k => network.Predict(contexts, k).to(z.dtype))];
        return [.. learned.Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <summary>The mean over rows ahead of the InfoNCE of every prediction (eq. 4).</summary>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var z = embeddings.Learned[0];
        var width = z.shape[3];
        var losses = Ahead.Select(k =>
        {
            var targets = z.narrow(1, k, options.Grid - k).reshape(-1, width); // [N * (grid - k) * grid, D]
            var keys = Context.Communicator.GatherLearned(targets);
            return InfoNce.InBatch(embeddings.Learned[k].reshape(-1, width), keys, Context.Communicator.Rank, temperature: 1);
        });
        return stack(losses).mean();
    }

    /// <summary>The mean of the upper half of an image's patches, and that of the lower half: no pixel is in both.</summary>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings)
    {
        var z = embeddings.Learned[0];
        var half = options.Grid / 2;
        Tensor Mean(int first) => Encoder.Unit(z.narrow(1, first, half).mean([1, 2]));
        return (Mean(0), Mean(options.Grid - half));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
        [("informationBound", Ahead.Average(k => InfoNce.Bound(loss, (long)Context.GlobalBatchSize * (options.Grid - k) * options.Grid)))];

    /// <inheritdoc/>
    public override void Check(IReadOnlyList<int> sides) => _ = Geometry(sides[0]);

    /// <summary>The grid of patches, row by row, [N * grid^2, 3, p, p]: p/2 lies between one and the next.</summary>
    internal Tensor Cut(ViewBatch batch)
    {
        using var scope = NewDisposeScope();
        var images = batch.Views[0];
        var (stride, patch, side) = Geometry((int)images.shape[3]);
        var cut = Patches.Cut(images, Corners(batch, stride, patch - side + 1), side);
        if (side < patch)
        {
            var before = (patch - side) / 2;
            var after = patch - side - before;
            cut = nn.functional.pad(cut, [before, after, before, after]);
        }

        return cut.MoveToOuterDisposeScope();
    }

    /// <summary>Pixels between patches, the side of a patch, and that of the window taken out of it.</summary>
    private (int Stride, int Patch, int Window) Geometry(int width)
    {
        var grid = options.Grid;
        var (stride, rest) = Math.DivRem(width, grid + 1);
        if (stride == 0 || rest != 0)
        {
            throw new RecipeException(
                $"method.grid: {grid} patches that overlap by half need a view whose side is a multiple of {grid + 1} pixels, is {width}; "
                + $"make it {Math.Max(1, stride) * (grid + 1)} or {Math.Max(2, stride + 1) * (grid + 1)}, or change the grid");
        }

        var patch = 2 * stride;
        if (options.Subcrop >= patch)
        {
            throw new RecipeException(
                $"method.subcrop: must be less than the side of a patch, which is {patch} of {width} pixels with grid: {grid}, is "
                + $"{options.Subcrop}; leave it out where patches are to stay whole");
        }

        return (stride, patch, options.Subcrop ?? patch);
    }

    /// <summary>Where the windows begin, y * S + x, int64 [N, grid^2].</summary>
    /// <param name="batch">Whose images.</param>
    /// <param name="stride">Pixels between patches.</param>
    /// <param name="places">In how many places of its patch, each way, a window may lie.</param>
    private Tensor Corners(ViewBatch batch, int stride, int places)
    {
        var width = batch.Views[0].shape[3];
        var samples = batch.Samples.cpu().data<long>().ToArray();
        var corners = new long[samples.Length, options.Grid * options.Grid];
        for (var i = 0; i < samples.Length; i++)
        {
            var random = new CounterRandom(Context.Seed, RandomPurpose.Jigsaw, batch.Epoch, samples[i]);
            for (var j = 0; j < corners.GetLength(1); j++)
            {
                var (row, column) = Math.DivRem(j, options.Grid);
                corners[i, j] = (((row * stride) + random.NextInt(places)) * width) + (column * stride) + random.NextInt(places);
            }
        }

        return tensor(corners);
    }

    private IEnumerable<int> Ahead => Enumerable.Range(1, options.Steps);

    private static EncoderParts Parts(CpcOptions options) => widths =>
        [(Name, new CpcContext(widths.Embedding, options.ContextLayers, options.ContextWidth, options.Steps))];
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class CpcOptions : IValidatableObject
{
    /// <summary>
    /// Patches in a row and in a column. They overlap by half, so that a view's side is grid + 1 halves of a patch: 7 make
    /// patches of 64 pixels of 256, and of 8 of 32.
    /// </summary>
    [Range(3, 64)]
    public int Grid { get; set; } = 7;

    /// <summary>K, how many rows ahead a context predicts.</summary>
    [Range(1, 62)]
    public int Steps { get; set; } = 5;

    /// <summary>
    /// The side of the window, in pixels, that is taken out of each patch at a random place and put into the middle of a blank
    /// one; the paper's is 60 of 64. Patches stay whole where it is left out.
    /// </summary>
    [Range(1, 4096)]
    public int? Subcrop { get; set; }

    /// <summary>Residual blocks of the context network; each lets a context see one row further up.</summary>
    [Range(1, 64)]
    public int ContextLayers { get; set; } = 5;

    /// <summary>Hidden channels of a block.</summary>
    [Range(1, 65536)]
    public int ContextWidth { get; set; } = 256;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Steps > Grid - 2)
        {
            yield return new(
                $"must be at most grid - 2 ({Grid - 2}), is {Steps}: what is predicted needs a row to be seen and two to be told apart",
                [nameof(Steps)]);
        }
    }
}
