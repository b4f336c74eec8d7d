using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// The transforms that make one view of an image, in order. All random numbers of a view come from one stream, a
/// function of (seed, epoch, sample, view); so a view has the same pixels on any number of workers or ranks, and after
/// any resume. A pipeline keeps no state and is shared by all workers; each brings a <see cref="ViewCanvas"/>.
/// </summary>
internal sealed class ViewPipeline
{
    private readonly IAugmentation[] _steps;

    public ViewPipeline(params IEnumerable<IAugmentation> augmentations)
    {
        _steps = [.. augmentations];
        foreach (var step in _steps)
        {
            OutputSize = step.OutputSize(OutputSize);
        }

        Normalization = _steps.LastOrDefault() as Normalize;
    }

    /// <summary>
    /// S, the side of the square view; null where no transform fixes it. Images of a data set have different sizes, so
    /// only pipelines that fix it can fill a batch: a crop of fixed size has to be among the transforms.
    /// </summary>
    public int? OutputSize { get; }

    /// <summary>The normalisation the view ends with, or null.</summary>
    public Normalize? Normalization { get; }

    /// <summary>Plans a view of an image whose size is known.</summary>
    /// <param name="plan">Takes the plan.</param>
    /// <param name="image">The image, opened.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="sample">The image's index in the data set.</param>
    /// <param name="view">Which view of the sample this is.</param>
    /// <exception cref="DataException">A transform cannot work on an image of this size.</exception>
    public void Plan(ViewPlan plan, DecodedImage image, ulong seed, long epoch, long sample, int view)
    {
        plan.Random = new CounterRandom(seed, RandomPurpose.Augmentation, epoch, sample, view);
        plan.Placement.Start(image.Height, image.Width);
        try
        {
            for (plan.Next = 0; plan.Next < _steps.Length; plan.Next++)
            {
                var random = plan.Random;
                if (!_steps[plan.Next].Place(plan.Placement, ref random))
                {
                    return; // The transform will draw the same numbers again.
                }

                plan.Random = random;
            }
        }
        catch (DataException e)
        {
            throw Located(e, image);
        }
    }

    /// <summary>Makes the view that was planned.</summary>
    /// <param name="canvas">The worker's working space.</param>
    /// <param name="image">The image, of which at least what the plan shows was decoded; it is not changed.</param>
    /// <param name="plan">The plan; it is used up.</param>
    /// <param name="target">Takes the view, S x S pixels.</param>
    /// <exception cref="InvalidOperationException">The transforms leave the size of the view to the image.</exception>
    public void Make(ViewCanvas canvas, DecodedImage image, ViewPlan plan, in ViewTarget target)
    {
        canvas.Start(image, plan.Placement);
        try
        {
            Make(canvas, ref plan.Random, plan.Next, target);
        }
        catch (DataException e)
        {
            throw Located(e, image);
        }
    }

    /// <summary>Makes a view of pixels, as float32 with channels first.</summary>
    /// <param name="canvas">The worker's working space.</param>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="sample">The image's index in the data set.</param>
    /// <param name="view">Which view of the sample this is.</param>
    /// <param name="destination">Takes the view, [3, S, S].</param>
    /// <exception cref="InvalidOperationException">The transforms leave the size of the view to the image.</exception>
    public unsafe void Make(
        ViewCanvas canvas, PixelImage image, ulong seed, long epoch, long sample, int view, Span<float> destination)
    {
        var random = new CounterRandom(seed, RandomPurpose.Augmentation, epoch, sample, view);
        canvas.Start(image);
        fixed (float* memory = destination)
        {
            Make(canvas, ref random, 0, new ViewTarget(memory, destination.Length / 3, default));
        }
    }

    /// <summary>A transform does not know where the image is.</summary>
    private static DataException Located(DataException error, DecodedImage image) =>
        new($"{image.Where}: {error.Message}", error);

    private void Make(ViewCanvas canvas, ref CounterRandom random, int first, in ViewTarget target)
    {
        var size = OutputSize
            ?? throw new InvalidOperationException(
                "no transform of this view fixes its size; add a crop of fixed size");
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Pixels, size * size);
        foreach (var step in _steps.AsSpan(first))
        {
            step.Apply(canvas, ref random);
        }

        canvas.Write(target);
    }
}
