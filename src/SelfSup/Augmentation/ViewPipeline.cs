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

        if (_steps is [.. var others, Augmentation.Normalize last])
        {
            (_steps, Normalization) = (others, last);
        }
    }

    /// <summary>
    /// S, the side of the square view; null where no transform fixes it. Images of a data set have different sizes, so
    /// only pipelines that fix it can fill a batch: a crop of fixed size has to be among the transforms.
    /// </summary>
    public int? OutputSize { get; }

    /// <summary>The normalisation the view ends with, or null.</summary>
    public Normalize? Normalization { get; }

    /// <summary>Makes a view.</summary>
    /// <param name="canvas">The worker's working space.</param>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="sample">The image's index in the data set.</param>
    /// <param name="view">Which view of the sample this is.</param>
    /// <param name="destination">Takes the view, [3, S, S].</param>
    /// <exception cref="InvalidOperationException">The transforms leave the size of the view to the image.</exception>
    public void Make(
        ViewCanvas canvas, PixelImage image, ulong seed, long epoch, long sample, int view, Span<float> destination)
    {
        var size = OutputSize
            ?? throw new InvalidOperationException(
                "no transform of this view fixes its size; add a crop of fixed size");
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, 3 * size * size);

        var random = new CounterRandom(seed, RandomPurpose.Augmentation, epoch, sample, view);
        canvas.Start(image);
        foreach (var step in _steps)
        {
            step.Apply(canvas, ref random);
        }

        if (Normalization is null)
        {
            canvas.Planes.CopyTo(destination);
        }
        else
        {
            Normalization.Write(canvas, destination);
        }
    }
}
