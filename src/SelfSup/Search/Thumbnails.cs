using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>Small pictures of images, as a page holds them in itself; and how large the images are. One thread owns it.</summary>
/// <param name="source">The images.</param>
/// <param name="maxPixels">The largest image that is decoded.</param>
internal sealed class Thumbnails(IImageSource source, long maxPixels)
{
    private const int Side = 224;
    private const int Quality = 85;

    private readonly ImageDecoder _decoder = new(maxPixels);
    private readonly StoredImage _stored = new();
    private readonly PixelImage _pixels = new();
    private readonly ImageExaminer _sizes = new(source, new InspectOptions { Source = new() { MaxPixels = maxPixels }, Quick = true });

    /// <summary>A small picture; null where the image is damaged.</summary>
    /// <exception cref="DataException">Its file cannot be read, or is no longer the one that was opened.</exception>
    public Thumbnail? Make(int index)
    {
        try
        {
            source.Read(index, _stored);
            _decoder.Decode(_stored, _pixels, source.Locate(index));
            var (shortSide, longSide) = (Math.Min(_pixels.Width, _pixels.Height), Math.Max(_pixels.Width, _pixels.Height));
            var target = longSide <= Side ? shortSide : Math.Max(1, (int)((long)shortSide * Side / longSide));
            var file = new ImageEncoder(target, Quality).Shrink(_pixels, source.Locate(index));
            return new Thumbnail("data:image/jpeg;base64," + Convert.ToBase64String(file), _pixels.Width, _pixels.Height);
        }
        catch (DataException e) when (!e.IsSourceLost)
        {
            return null;
        }
    }

    /// <summary>Pixels and bytes of an image by its header, by which the best of several copies is chosen; no pixels where that is damaged.</summary>
    /// <exception cref="DataException">Its file cannot be read, or is no longer the one that was opened.</exception>
    public (long Pixels, long Bytes) SizeOf(int index)
    {
        var facts = _sizes.Examine(index);
        return facts.Error is { IsSourceLost: true } lost ? throw lost : ((long)facts.Width * facts.Height, facts.Bytes);
    }
}

/// <summary>A small picture.</summary>
/// <param name="Address">The picture itself, as a <c>data:</c> address.</param>
/// <param name="Width">W of the image that it is of, in pixels.</param>
/// <param name="Height">H of that image.</param>
internal sealed record Thumbnail(string Address, int Width, int Height)
{
    /// <summary>In words: <c>500 x 375</c>.</summary>
    public string Size => $"{Width} \u00D7 {Height}";
}
