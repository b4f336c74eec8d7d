using System.Runtime.CompilerServices;

using SelfSup.Images;
using SelfSup.Images.Jpeg;

namespace SelfSup.Augmentation;

/// <summary>
/// Where one worker makes one view after another. Transforms are noted as long as they can be done together: crops, a
/// resize and flips become one pass over the pixels they need (<see cref="Placement"/>), colour operations one pass over
/// the view (<see cref="ColorPass"/>), and the last of these, or a blur, writes the view into the batch. Buffers grow to
/// the largest view seen and are reused; in the long run a view allocates nothing.
/// </summary>
internal sealed unsafe class ViewCanvas : IGeometry
{
    /// <summary>Floats behind the planes that vectors may reach into.</summary>
    private const int Padding = 64;

    /// <summary>Bytes behind the channels of pixels that vectors may reach into.</summary>
    private const int ChannelPadding = JpegPlane.Padding;

    private static readonly float[] _unit = [.. Enumerable.Range(0, 256).Select(value => value / 255f)];

    private readonly Placement _placement = new();
    private readonly ColorPass _colors = new();
    private readonly ColorPass _noColors = new();
    private readonly AxisTables _vertical = new();
    private readonly AxisTables _horizontal = new();
    private readonly PlaneResampling _resampling = new();
    private readonly PinnedBuffer<byte> _channels = new();
    private readonly Blur _blur = new();
    private PinnedBuffer<float> _planes = new();
    private PinnedBuffer<float> _spare = new();
    private float[] _row = [];

    // What the placement is of: pixels, the planes of a JPEG, or, without both, the planes here.
    private PixelImage? _pixels;
    private DecodedImage? _jpeg;

    // A blur that waits; then the placement is of the planes and changes nothing.
    private (int Kernel, double Sigma)? _waitingBlur;

    /// <inheritdoc/>
    public int Height => _placement.Height;

    /// <inheritdoc/>
    public int Width => _placement.Width;

    /// <summary>The values, [3, H, W]. Asking for them does everything that was noted.</summary>
    public Span<float> Planes
    {
        get
        {
            Finish();
            return new Span<float>(_planes.Pointer, 3 * Height * Width);
        }
    }

    /// <summary>Begins a view of an image. The image must keep its pixels until the view is done.</summary>
    public void Start(PixelImage image)
    {
        Begin(image, null);
        _placement.Start(image.Height, image.Width);
    }

    /// <summary>Begins a view of an image, of which at least what the placement shows was decoded.</summary>
    public void Start(DecodedImage image, Placement placement)
    {
        Begin(image.Planes is null ? image.Pixels : null, image.Planes is null ? null : image);
        _placement.Start(placement);
    }

    /// <inheritdoc/>
    public bool Crop(Region crop)
    {
        FinishColors();
        if (!_placement.Crop(crop))
        {
            Finish();
            CropPlanes(crop);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool ResizedCrop(Region crop, int height, int width, Interpolation interpolation, bool antialias)
    {
        FinishColors();
        if (!_placement.ResizedCrop(crop, height, width, interpolation, antialias))
        {
            Finish();
            _ = _placement.ResizedCrop(crop, height, width, interpolation, antialias);
        }

        return true;
    }

    /// <inheritdoc/>
    public void FlipHorizontal()
    {
        FinishColors();
        _placement.FlipHorizontal();
    }

    /// <inheritdoc/>
    public void FlipVertical()
    {
        FinishColors();
        _placement.FlipVertical();
    }

    /// <summary>Changes the colours.</summary>
    public void Apply(in ColorOperation operation) => _colors.Add(operation);

    /// <summary>Blurs the view, see <see cref="Blur"/>.</summary>
    public void GaussianBlur(int kernel, double sigma)
    {
        Finish();
        _waitingBlur = (kernel, sigma);
    }

    /// <summary>Turns the view about its centre, see <see cref="Rotation.Rotate"/>.</summary>
    public void Rotate(double degrees, RotationInterpolation interpolation)
    {
        Finish();
        var plane = Height * Width;
        var spare = Reserve(_spare, 3 * plane);
        for (var start = 0; start < 3 * plane; start += plane)
        {
            Rotation.Rotate(
                new ReadOnlySpan<float>(_planes.Pointer + start, plane), new Span<float>(spare + start, plane), Height,
                Width, degrees, interpolation);
        }

        Exchange();
    }

    /// <summary>Writes the view, after everything that was noted. The canvas holds no view afterwards.</summary>
    public void Write(in ViewTarget target)
    {
        FinishPlacement();
        if (_waitingBlur is { } blur && !_colors.NeedsMean)
        {
            _blur.Run(_planes.Pointer, Height, Width, blur.Kernel, blur.Sigma, _colors, target);
        }
        else
        {
            FinishBlur();
            _colors.Run(_planes.Pointer, target);
        }

        Interlocked.MemoryBarrier(); // Writes around the caches are not ordered by themselves.
        _waitingBlur = null;
        _channels.Trim();
        _planes.Trim();
        _spare.Trim();
    }

    private void Begin(PixelImage? pixels, DecodedImage? jpeg)
    {
        (_pixels, _jpeg, _waitingBlur) = (pixels, jpeg, null);
        _colors.Clear();
    }

    /// <summary>Does everything that was noted; the planes are the view then.</summary>
    private void Finish()
    {
        FinishPlacement();
        FinishBlur();
        if (!_colors.IsEmpty)
        {
            _colors.Run(_planes.Pointer, new ViewTarget(_planes.Pointer, Height * Width, default, isScratch: true));
        }
    }

    /// <summary>Before pixels are moved: what was noted to be done with them.</summary>
    private void FinishColors()
    {
        if (!_colors.IsEmpty || _waitingBlur is not null)
        {
            Finish();
        }
    }

    private void FinishBlur()
    {
        if (_waitingBlur is not { } blur)
        {
            return;
        }

        _waitingBlur = null;
        var spare = Reserve(_spare, 3 * Height * Width);
        _blur.Run(
            _planes.Pointer, Height, Width, blur.Kernel, blur.Sigma, _noColors, new ViewTarget(spare, Height * Width, default, isScratch: true));
        Exchange();
    }

    /// <summary>Makes planes of what the placement shows.</summary>
    private void FinishPlacement()
    {
        if (_jpeg is { } jpeg)
        {
            _jpeg = null;
            TakeJpeg(jpeg);
        }
        else if (_pixels is { } pixels)
        {
            _pixels = null;
            TakePixels(pixels);
        }
        else if (!_placement.IsWhole)
        {
            TakePlanes();
        }

        _placement.Start(Height, Width);
    }

    /// <summary>Planes of a JPEG, in 0..255 and its own colours; what turns them into RGB waits with the other colours.</summary>
    private void TakeJpeg(DecodedImage image)
    {
        var turn = image.Turn;
        var rows = turn.ReversesRows ? _placement.Rows.Turned(image.Height) : _placement.Rows;
        var columns = turn.ReversesColumns ? _placement.Columns.Turned(image.Width) : _placement.Columns;
        // Where the image lies on its side, the view's rows are stored columns.
        var (down, across) = turn.Transposes ? (columns, rows) : (rows, columns);
        var plane = Height * Width;
        var target = Reserve(turn.Transposes ? _spare : _planes, 3 * plane);
        var header = image.Planes!;
        for (var i = 0; i < 3; i++)
        {
            var channel = target + ((nint)i * plane);
            if (i >= header.Components.Length)
            {
                Unsafe.CopyBlockUnaligned(channel, target, (uint)(plane * sizeof(float))); // gray
                continue;
            }

            var source = header.Components[i].Plane;
            if (i == 0 || !source.HasShapeOf(header.Components[i - 1].Plane))
            {
                _resampling.Prepare(
                    _vertical.Find(down, source.VerticalRatio, source.Height, source.IsInterpolated, image.Scale),
                    _horizontal.Find(across, source.HorizontalRatio, source.Width, source.IsInterpolated, image.Scale));
            }

            _resampling.Run(
                source.Start - ((nint)source.Decoded.Top * source.Stride) - source.Decoded.Left, source.Stride, channel);
        }

        if (turn.Transposes)
        {
            Transpose(target, Width, Height, Reserve(_planes, 3 * plane));
        }

        _colors.Prepend(header.Color == JpegColor.YCbCr ? ColorOperation.FromYCbCr : ColorOperation.FromBytes);
    }

    private void TakePixels(PixelImage image)
    {
        var plane = Height * Width;
        var target = Reserve(_planes, 3 * plane);
        var source = _placement.Source;
        if (!_placement.IsResized)
        {
            TakeUnresized(image, source, new Span<float>(target, 3 * plane));
            return;
        }

        var stride = (nint)source.Width;
        var bytes = _channels.Reserve((3L * source.Height * source.Width) + ChannelPadding);
        Channels.Split(image.Pixels, image.Width, source, bytes);
        _resampling.Prepare(_vertical.Find(_placement.Rows), _horizontal.Find(_placement.Columns));
        for (var i = 0; i < 3; i++)
        {
            var first = bytes + ((nint)i * source.Height * stride);
            _resampling.Run(first - (source.Top * stride) - source.Left, stride, target + ((nint)i * plane));
        }

        _colors.Prepend(ColorOperation.FromBytes);
    }

    private void TakeUnresized(PixelImage image, Region source, Span<float> planes)
    {
        var plane = Height * Width;
        var (first, step) = _placement.IsMirrored ? (Width - 1, -1) : (0, 1);
        for (var y = 0; y < Height; y++)
        {
            var from = source.Top + (_placement.IsUpsideDown ? Height - 1 - y : y);
            var row = image.Pixels.Slice(3 * ((from * image.Width) + source.Left), 3 * Width);
            var red = planes.Slice(y * Width, Width);
            var green = planes.Slice(plane + (y * Width), Width);
            var blue = planes.Slice((2 * plane) + (y * Width), Width);
            for (int x = 0, target = first; x < row.Length; x += 3, target += step)
            {
                red[target] = _unit[row[x]];
                green[target] = _unit[row[x + 1]];
                blue[target] = _unit[row[x + 2]];
            }
        }
    }

    private void TakePlanes()
    {
        var (height, width) = (_placement.ImageHeight, _placement.ImageWidth);
        var spare = Reserve(_spare, 3 * Height * Width);
        var row = Row(_placement.ImageWidth);
        var (vertical, horizontal) = (_vertical.Find(_placement.Rows), _horizontal.Find(_placement.Columns));
        for (var channel = 0; channel < 3; channel++)
        {
            Resampling.FromPlane(
                new ReadOnlySpan<float>(_planes.Pointer + ((nint)channel * height * width), height * width), width,
                vertical, horizontal, row, new Span<float>(spare + ((nint)channel * Height * Width), Height * Width));
        }

        Exchange();
    }

    private void CropPlanes(Region crop)
    {
        // Only what is in the view can be read; the rest of the crop stays black.
        var top = Math.Max(0, crop.Top);
        var left = Math.Max(0, crop.Left);
        var height = Math.Max(0, Math.Min(Height, crop.Top + crop.Height) - top);
        var width = Math.Max(0, Math.Min(Width, crop.Left + crop.Width) - left);
        var length = 3 * crop.Height * crop.Width;
        var spare = new Span<float>(Reserve(_spare, length), length);
        spare.Clear();
        var planes = new ReadOnlySpan<float>(_planes.Pointer, 3 * Height * Width);
        for (var channel = 0; channel < 3 && width > 0; channel++)
        {
            for (var y = 0; y < height; y++)
            {
                var row = (((channel * Height) + top + y) * Width) + left;
                var target = (((channel * crop.Height) + top - crop.Top + y) * crop.Width) + left - crop.Left;
                planes.Slice(row, width).CopyTo(spare[target..]);
            }
        }

        Exchange();
        _placement.Start(crop.Height, crop.Width);
    }

    /// <summary>Exchanges rows and columns of three planes of [height, width].</summary>
    private static void Transpose(float* source, int height, int width, float* target)
    {
        for (var channel = 0; channel < 3; channel++, source += height * width, target += height * width)
        {
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    target[(x * height) + y] = source[(y * width) + x];
                }
            }
        }
    }

    private void Exchange() => (_planes, _spare) = (_spare, _planes);

    private static float* Reserve(PinnedBuffer<float> buffer, int length) => buffer.Reserve(length + Padding);

    private Span<float> Row(int length)
    {
        if (_row.Length < length)
        {
            _row = GC.AllocateUninitializedArray<float>(length);
        }

        return _row.AsSpan(0, length);
    }
}
