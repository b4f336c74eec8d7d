using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>Views as pictures: what the network would see, with the normalisation undone. One thread owns it.</summary>
/// <param name="views">The pipeline of each view, in the order of the batch.</param>
/// <param name="seed">The run's seed.</param>
internal sealed unsafe class ViewPictures(IReadOnlyList<ViewPipeline> views, ulong seed)
{
    private readonly ViewCanvas _working = new();
    private readonly ViewPlan _plan = new();

    /// <summary>S, the side of a view in pixels.</summary>
    /// <exception cref="ArgumentException">Its transforms do not fix it.</exception>
    public static int SizeOf(ViewPipeline view) =>
        view.OutputSize ?? throw new ArgumentException("no transform of a view fixes its size", nameof(view));

    /// <summary>Makes a view as training would.</summary>
    /// <param name="image">The whole image, decoded.</param>
    /// <param name="index">Which image it is.</param>
    /// <param name="view">Which view.</param>
    /// <param name="epoch">With the random numbers of which epoch.</param>
    /// <returns>8-bit RGB, interleaved, [S, S, 3].</returns>
    public byte[] Make(DecodedImage image, int index, int view, long epoch)
    {
        var pipeline = views[view];
        var size = SizeOf(pipeline);
        var plane = size * size;
        var values = new float[3 * plane];
        pipeline.Plan(_plan, image, seed, epoch, index, view);
        fixed (float* memory = values)
        {
            pipeline.Make(_working, image, _plan, new ViewTarget(memory, plane, default));
        }

        var colors = new byte[3 * plane];
        for (var i = 0; i < values.Length; i++)
        {
            var (channel, position) = Math.DivRem(i, plane);
            double value = values[i];
            if (pipeline.Normalization is { } normalization)
            {
                value = (value * normalization.StandardDeviation[channel]) + normalization.Mean[channel];
            }

            colors[(3 * position) + channel] = (byte)Math.Round(255 * Math.Clamp(value, 0, 1));
        }

        return colors;
    }
}
