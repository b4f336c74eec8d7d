using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Where one worker makes one view after another: planes [3, H, W] of floats in 0..1. A view starts as an 8-bit image;
/// crops and flips of it are only noted, and the first resize reads just the rectangle it needs, so a large photograph
/// is never turned into floats as a whole. Everything else works on the planes. Buffers grow to the largest view seen
/// and are reused; in the long run a view allocates nothing.
/// </summary>
internal sealed class ViewCanvas
{
    private static readonly float[] _unit = [.. Enumerable.Range(0, 256).Select(value => value / 255f)];

    private readonly ResampleTables _vertical = new();
    private readonly ResampleTables _horizontal = new();
    private float[] _planes = [];
    private float[] _spare = [];
    private float[] _row = [];

    // While the view is still the image: the part of the image it shows, and how that is turned.
    private PixelImage? _image;
    private Region _region;
    private bool _mirrored;
    private bool _upsideDown;

    /// <summary>H.</summary>
    public int Height { get; private set; }

    /// <summary>W.</summary>
    public int Width { get; private set; }

    /// <summary>The values, [3, H, W]. Asking for them turns the image into planes, if it is not yet.</summary>
    public Span<float> Planes
    {
        get
        {
            TakePixels();
            return _planes.AsSpan(0, 3 * Height * Width);
        }
    }

    /// <summary>Begins a view of an image. The image must keep its pixels until the view is done.</summary>
    public void Start(PixelImage image)
    {
        _image = image;
        (_mirrored, _upsideDown) = (false, false);
        (Height, Width) = (image.Height, image.Width);
        _region = new Region(0, 0, Height, Width);
    }

    /// <summary>Keeps a rectangle, at the size it has. What reaches over the edge is black.</summary>
    public void Crop(Region crop)
    {
        var inside = crop.Top >= 0 && crop.Left >= 0
            && crop.Top + crop.Height <= Height && crop.Left + crop.Width <= Width;
        if (inside && crop.Height == Height && crop.Width == Width)
        {
            return;
        }

        if (inside && _image is not null)
        {
            _region = InImage(crop);
            (Height, Width) = (crop.Height, crop.Width);
            return;
        }

        CropPlanes(crop);
    }

    /// <summary>Keeps a rectangle, brought to another size.</summary>
    /// <param name="crop">The rectangle, inside the view.</param>
    /// <param name="height">H afterwards.</param>
    /// <param name="width">W afterwards.</param>
    /// <param name="interpolation">The filter. Bicubic values may leave 0..1, see <see cref="Resampling"/>.</param>
    /// <param name="antialias">Whether shrinking averages over all pixels it leaves out.</param>
    public void ResizedCrop(Region crop, int height, int width, Interpolation interpolation, bool antialias)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(crop.Top);
        ArgumentOutOfRangeException.ThrowIfNegative(crop.Left);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(crop.Top + crop.Height, Height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(crop.Left + crop.Width, Width);

        var vertical = _vertical.Find(crop.Height, height, interpolation, antialias);
        var horizontal = _horizontal.Find(crop.Width, width, interpolation, antialias);
        var row = Row(Resampling.RowLength(crop.Width));
        if (_image is { } image)
        {
            var region = InImage(crop);
            _image = null;
            (Height, Width) = (height, width);
            Resampling.FromPixels(
                image.Pixels, image.Width, region.Top, region.Left, vertical, horizontal, row, Room(ref _planes));
            TurnPlanes();
            return;
        }

        var spare = Room(ref _spare, 3 * height * width);
        for (var channel = 0; channel < 3; channel++)
        {
            var source = _planes.AsSpan(channel * Height * Width, Height * Width);
            var result = spare.Slice(channel * height * width, height * width);
            Resampling.FromPlane(source, Width, crop.Top, crop.Left, vertical, horizontal, row, result);
        }

        Swap(height, width);
    }

    /// <summary>Exchanges left and right.</summary>
    public void FlipHorizontal()
    {
        if (_image is not null)
        {
            _mirrored = !_mirrored;
            return;
        }

        MirrorPlanes();
    }

    /// <summary>Exchanges top and bottom.</summary>
    public void FlipVertical()
    {
        if (_image is not null)
        {
            _upsideDown = !_upsideDown;
            return;
        }

        TurnPlanesUpsideDown();
    }

    /// <summary>Blurs the view, see <see cref="Augmentation.Blur.Gaussian"/>.</summary>
    public void GaussianBlur(int kernel, double sigma)
    {
        var planes = Planes;
        var spare = Room(ref _spare, planes.Length);
        var row = Row(Blur.RowLength(Width, kernel));
        var plane = Height * Width;
        for (var start = 0; start < planes.Length; start += plane)
        {
            Blur.Gaussian(planes.Slice(start, plane), spare.Slice(start, plane), Height, Width, kernel, sigma, row);
        }

        Swap(Height, Width);
    }

    /// <summary>Turns the view about its centre, see <see cref="Rotation.Rotate"/>.</summary>
    public void Rotate(double degrees, RotationInterpolation interpolation)
    {
        var planes = Planes;
        var spare = Room(ref _spare, planes.Length);
        var plane = Height * Width;
        for (var start = 0; start < planes.Length; start += plane)
        {
            Rotation.Rotate(
                planes.Slice(start, plane), spare.Slice(start, plane), Height, Width, degrees, interpolation);
        }

        Swap(Height, Width);
    }

    /// <summary>The part of the image that a rectangle of the view shows.</summary>
    private Region InImage(Region crop) => crop with
    {
        Top = _region.Top + (_upsideDown ? Height - crop.Top - crop.Height : crop.Top),
        Left = _region.Left + (_mirrored ? Width - crop.Left - crop.Width : crop.Left),
    };

    private void TakePixels()
    {
        if (_image is not { } image)
        {
            return;
        }

        _image = null;
        var planes = Room(ref _planes);
        var plane = Height * Width;
        var red = planes[..plane];
        var green = planes.Slice(plane, plane);
        var blue = planes.Slice(2 * plane, plane);
        for (var y = 0; y < Height; y++)
        {
            var row = image.Pixels.Slice(
                3 * (((_region.Top + y) * image.Width) + _region.Left), 3 * Width);
            var target = y * Width;
            for (var x = 0; x < row.Length; x += 3, target++)
            {
                red[target] = _unit[row[x]];
                green[target] = _unit[row[x + 1]];
                blue[target] = _unit[row[x + 2]];
            }
        }

        TurnPlanes();
    }

    private void TurnPlanes()
    {
        if (_mirrored)
        {
            MirrorPlanes();
        }

        if (_upsideDown)
        {
            TurnPlanesUpsideDown();
        }

        (_mirrored, _upsideDown) = (false, false);
    }

    private void MirrorPlanes()
    {
        for (var row = 0; row < 3 * Height; row++)
        {
            _planes.AsSpan(row * Width, Width).Reverse();
        }
    }

    private void TurnPlanesUpsideDown()
    {
        var swap = Row(Width);
        for (var channel = 0; channel < 3; channel++)
        {
            var plane = _planes.AsSpan(channel * Height * Width, Height * Width);
            for (var (y, opposite) = (0, Height - 1); y < opposite; y++, opposite--)
            {
                var upper = plane.Slice(y * Width, Width);
                var lower = plane.Slice(opposite * Width, Width);
                upper.CopyTo(swap);
                lower.CopyTo(upper);
                swap.CopyTo(lower);
            }
        }
    }

    private void CropPlanes(Region crop)
    {
        // Only what is in the view can be read; the rest of the crop stays black.
        var top = Math.Max(0, crop.Top);
        var left = Math.Max(0, crop.Left);
        var height = Math.Max(0, Math.Min(Height, crop.Top + crop.Height) - top);
        var width = Math.Max(0, Math.Min(Width, crop.Left + crop.Width) - left);
        var spare = Room(ref _spare, 3 * crop.Height * crop.Width);
        spare.Clear();
        var planes = Planes;
        for (var channel = 0; channel < 3 && width > 0; channel++)
        {
            for (var y = 0; y < height; y++)
            {
                var row = (((channel * Height) + top + y) * Width) + left;
                var target = (((channel * crop.Height) + top - crop.Top + y) * crop.Width) + left - crop.Left;
                planes.Slice(row, width).CopyTo(spare[target..]);
            }
        }

        Swap(crop.Height, crop.Width);
    }

    private void Swap(int height, int width)
    {
        (_planes, _spare) = (_spare, _planes);
        (Height, Width) = (height, width);
    }

    private Span<float> Room(ref float[] buffer) => Room(ref buffer, 3 * Height * Width);

    private static Span<float> Room(ref float[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = GC.AllocateUninitializedArray<float>(length);
        }

        return buffer.AsSpan(0, length);
    }

    private Span<float> Row(int length) => Room(ref _row, length);
}
