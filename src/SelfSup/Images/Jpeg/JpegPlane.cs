namespace SelfSup.Images.Jpeg;

/// <summary>
/// The 8-bit samples of one component in a region of the image. Positions are those of the whole component, so a sample
/// means the same whatever region was decoded.
/// </summary>
internal sealed unsafe class JpegPlane
{
    /// <summary>Readable bytes behind the samples, so that the last vector of a row may reach over its end.</summary>
    public const int Padding = 128;

    private readonly PinnedBuffer<byte> _samples = new();
    private byte* _origin;

    /// <summary>Bytes from one row to the next.</summary>
    public int Stride { get; private set; }

    /// <summary>Samples in a row of the whole component.</summary>
    public int Width { get; private set; }

    /// <summary>Samples in a column of the whole component.</summary>
    public int Height { get; private set; }

    /// <summary>Pixels of the (scaled) image that share a sample, across: 1 or 2.</summary>
    public int HorizontalRatio { get; private set; }

    /// <summary>Pixels of the (scaled) image that share a sample, downwards: 1 or 2.</summary>
    public int VerticalRatio { get; private set; }

    /// <summary>
    /// Whether upsampling interpolates. Planes of one or two columns are repeated, in both directions, as libjpeg does.
    /// </summary>
    public bool IsInterpolated => HorizontalRatio == 1 || Width > 2;

    /// <summary>The decoded samples, which end where the component or the region ends.</summary>
    public Region Decoded { get; private set; }

    /// <summary>Whether positions in the two planes mean the same places of the image.</summary>
    public bool HasShapeOf(JpegPlane other) =>
        (Width, Height, HorizontalRatio, VerticalRatio)
        == (other.Width, other.Height, other.HorizontalRatio, other.VerticalRatio);

    /// <summary>The first decoded sample.</summary>
    public byte* Start => _origin;

    /// <summary>The sample at a position of the whole component, which must lie in what was decoded.</summary>
    public byte* At(int y, int x) => _origin + ((nint)(y - Decoded.Top) * Stride) + (x - Decoded.Left);

    /// <summary>Makes room for a region of whole blocks.</summary>
    /// <param name="width">Samples in a row of the whole component.</param>
    /// <param name="height">Samples in a column of the whole component.</param>
    /// <param name="ratio">Pixels that share a sample, across and downwards.</param>
    /// <param name="blocks">The samples of the region's blocks; they may reach over the component's edge.</param>
    public void Reserve(int width, int height, (int Horizontal, int Vertical) ratio, Region blocks)
    {
        (Width, Height, HorizontalRatio, VerticalRatio) = (width, height, ratio.Horizontal, ratio.Vertical);
        Stride = blocks.Width;
        Decoded = blocks with
        {
            Height = Math.Min(blocks.Height, height - blocks.Top),
            Width = Math.Min(blocks.Width, width - blocks.Left),
        };
        _origin = _samples.Reserve(((long)blocks.Width * blocks.Height) + Padding);
    }

    /// <summary>Gives back memory beyond what is kept between images.</summary>
    public void Trim() => _samples.Trim();
}
