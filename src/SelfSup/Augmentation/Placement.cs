using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Which part of an image a view shows, at which size and how flipped, before any pixel is read: a rectangle of the
/// image, at most one resize, a rectangle of the result, and flips, which exchange with all of them. So crops, a resize and
/// flips cost one pass over just the pixels that are needed, and a decoder can be told beforehand which those are.
/// </summary>
internal sealed class Placement : IGeometry
{
    /// <summary>H of the view.</summary>
    public int Height { get; private set; }

    /// <summary>W of the view.</summary>
    public int Width { get; private set; }

    /// <summary>The rectangle of the image that is shown, or resized.</summary>
    public Region Source { get; private set; }

    /// <summary>Whether <see cref="Source"/> is brought to <see cref="Resized"/>.</summary>
    public bool IsResized { get; private set; }

    /// <summary>H and W after the resize.</summary>
    public (int Height, int Width) Resized { get; private set; }

    /// <summary>The rectangle of the resized image that is shown.</summary>
    public Region Window { get; private set; }

    public Interpolation Interpolation { get; private set; }

    public bool Antialias { get; private set; }

    /// <summary>Whether left and right are exchanged, after all else.</summary>
    public bool IsMirrored { get; private set; }

    /// <summary>Whether top and bottom are exchanged, after all else.</summary>
    public bool IsUpsideDown { get; private set; }

    /// <summary>H of the image.</summary>
    public int ImageHeight { get; private set; }

    /// <summary>W of the image.</summary>
    public int ImageWidth { get; private set; }

    /// <summary>Whether the view is the image, unchanged.</summary>
    public bool IsWhole => !IsResized && !IsMirrored && !IsUpsideDown && IsAll(Source);

    /// <summary>
    /// How many times smaller the view is than what it shows, the lesser of height and width; 1 where each pixel
    /// counts.
    /// </summary>
    public double Shrinking => IsResized && Antialias
        ? Math.Max(1, Math.Min((double)Source.Height / Resized.Height, (double)Source.Width / Resized.Width))
        : 1;

    /// <summary>What is asked of the image's rows.</summary>
    public AxisPlan Rows => IsResized
        ? new(Source.Top, Source.Height, Resized.Height, Window.Top, Height, IsUpsideDown, Interpolation, Antialias)
        : new(Source.Top, Height, Height, 0, Height, IsUpsideDown, Interpolation.Bilinear, true);

    /// <summary>What is asked of the image's columns.</summary>
    public AxisPlan Columns => IsResized
        ? new(Source.Left, Source.Width, Resized.Width, Window.Left, Width, IsMirrored, Interpolation, Antialias)
        : new(Source.Left, Width, Width, 0, Width, IsMirrored, Interpolation.Bilinear, true);

    /// <summary>Begins with the whole image.</summary>
    public void Start(int height, int width)
    {
        (ImageHeight, ImageWidth) = (height, width);
        (Height, Width) = (height, width);
        Source = new Region(0, 0, height, width);
        (IsResized, IsMirrored, IsUpsideDown) = (false, false, false);
    }

    /// <summary>Takes over another placement.</summary>
    public void Start(Placement other)
    {
        (ImageHeight, ImageWidth) = (other.ImageHeight, other.ImageWidth);
        (Height, Width) = (other.Height, other.Width);
        (Source, IsResized, Resized, Window) = (other.Source, other.IsResized, other.Resized, other.Window);
        (Interpolation, Antialias) = (other.Interpolation, other.Antialias);
        (IsMirrored, IsUpsideDown) = (other.IsMirrored, other.IsUpsideDown);
    }

    public bool Crop(Region crop)
    {
        if (crop.Top < 0 || crop.Left < 0 || crop.Top + crop.Height > Height || crop.Left + crop.Width > Width)
        {
            return false;
        }

        var before = Unflipped(crop);
        if (IsResized)
        {
            Window = before with { Top = Window.Top + before.Top, Left = Window.Left + before.Left };
        }
        else
        {
            Source = before with { Top = Source.Top + before.Top, Left = Source.Left + before.Left };
        }

        (Height, Width) = (crop.Height, crop.Width);
        return true;
    }

    public bool ResizedCrop(Region crop, int height, int width, Interpolation interpolation, bool antialias)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(crop.Top);
        ArgumentOutOfRangeException.ThrowIfNegative(crop.Left);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(crop.Top + crop.Height, Height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(crop.Left + crop.Width, Width);
        if (IsResized)
        {
            return false;
        }

        _ = Crop(crop);
        (IsResized, Resized, Window) = (true, (height, width), new Region(0, 0, height, width));
        (Interpolation, Antialias) = (interpolation, antialias);
        (Height, Width) = (height, width);
        return true;
    }

    public void FlipHorizontal() => IsMirrored = !IsMirrored;

    public void FlipVertical() => IsUpsideDown = !IsUpsideDown;

    /// <summary>Where a rectangle of the view lies before the flips.</summary>
    private Region Unflipped(Region crop) => crop with
    {
        Top = IsUpsideDown ? Height - crop.Top - crop.Height : crop.Top,
        Left = IsMirrored ? Width - crop.Left - crop.Width : crop.Left,
    };

    private bool IsAll(Region region) => region == new Region(0, 0, ImageHeight, ImageWidth);
}
