using System.Runtime.InteropServices;
using System.Security.Cryptography;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Search;

using SkiaSharp;

namespace SelfSup.Reports;

/// <summary>Some images of a run, the same ones for every run over the same data; and small pictures of them. One thread owns it.</summary>
internal sealed class ImageSample : IDisposable
{
    private const ulong Seed = 0; // not the run's, so that runs can be compared
    private const int PictureSide = 112;
    private const int SmallestCell = 32;
    private const int LargestCell = 44;
    private const int AtlasColumns = 48;
    private const int AtlasQuality = 60;

    private readonly IImageSource _source;
    private readonly ImageDecoder _decoder;
    private readonly StoredImage _stored = new();
    private readonly PixelImage _pixels = new();
    private readonly Dictionary<int, Thumbnail?> _thumbnails = [];

    private ImageSample(IImageSource source, ImageSourceOptions options, string setting, int all, IReadOnlyList<int> drawn)
    {
        (_source, All, Drawn) = (source, all, drawn);
        _decoder = new ImageDecoder(options.MaxPixels, options.Decoder);
        Labelled = new LabelledImages(source, options, setting, needLabels: false);
        Setting = setting;
    }

    /// <summary>The setting that names the images.</summary>
    public string Setting { get; }

    /// <summary>How many images the setting names, of which these are some.</summary>
    public int All { get; }

    /// <summary>The images as what evaluations look at.</summary>
    public LabelledImages Labelled { get; }

    /// <summary>The images in the order in which they were drawn.</summary>
    public IReadOnlyList<int> Drawn { get; }

    /// <summary>Opens some of the images that a recipe names.</summary>
    /// <param name="options">Which.</param>
    /// <param name="setting">What named them, for messages.</param>
    /// <param name="most">How many.</param>
    /// <param name="use">For what, of <see cref="EvaluationDraw"/>.</param>
    /// <exception cref="DataException">They are not there.</exception>
    public static ImageSample Open(ImageSourceOptions options, string setting, int most, int use)
    {
        var source = ImageSources.Open(options);
        var all = source.Count;
        var random = EvaluationDraw.Of(Seed, use, 0);
        var drawn = EvaluationDraw.Distinct(ref random, Math.Min(most, all), all);
        int[] ascending = [.. drawn.Order()];
        var some = drawn.Length == all ? source : new SubsetSource(source, ascending, [.. Enumerable.Range(0, source.ClassNames.Count)]);
        return new ImageSample(some, options, setting, all, [.. drawn.Select(index => Array.BinarySearch(ascending, index))]);
    }

    /// <summary>What the same images have in common, in whichever run: one may have left out others that it could not read.</summary>
    /// <param name="indices">Which, in their order.</param>
    public string Key(IReadOnlyList<long> indices) => string.Join(
        '|',
        Labelled.Options.Path,
        Labelled.Options.Limit,
        All,
        _source.Count,
        Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes<long>([.. indices]))),
        string.Join(',', _source.ClassNames));

    /// <summary>What an image is called.</summary>
    public string Name(int index) => _source.Name(index) is var name && int.TryParse(name, out var number)
        ? FormattableString.Invariant($"image {number}")
        : name;

    /// <summary>The class of an image, or null.</summary>
    public string? Class(int index) => _source.Label(index) is >= 0 and var label ? Named(_source.ClassNames[label]) : null;

    /// <summary>A small picture; null where the image cannot be read.</summary>
    public Thumbnail? Picture(int index)
    {
        if (!_thumbnails.TryGetValue(index, out var thumbnail))
        {
            thumbnail = Load(index) ? PictureFile.Of(_pixels.Pixels, _pixels.Width, _pixels.Height, PictureSide) : null;
            _thumbnails.Add(index, thumbnail);
        }

        return thumbnail;
    }

    /// <summary>One picture of many images, cell by cell.</summary>
    /// <param name="indices">Which.</param>
    public Atlas Atlas(IReadOnlyList<long> indices)
    {
        var cell = Load((int)indices[0]) && Math.Max(_pixels.Width, _pixels.Height) <= SmallestCell ? SmallestCell : LargestCell;
        var rows = (indices.Count + AtlasColumns - 1) / AtlasColumns;
        using var bitmap = new SKBitmap(new SKImageInfo(AtlasColumns * cell, rows * cell, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(SheetCell.Paper);
            for (var place = 0; place < indices.Count; place++)
            {
                if (Load((int)indices[place]))
                {
                    var (row, column) = Math.DivRem(place, AtlasColumns);
                    SheetCell.Draw(canvas, column * cell, row * cell, cell, _pixels.Pixels, _pixels.Width, _pixels.Height);
                }
            }
        }

        return new Atlas(PictureFile.Address(bitmap, AtlasQuality), cell, AtlasColumns, rows);
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    private static string Named(string name) => name.All(char.IsAsciiDigit) ? $"class {name}" : name;

    private bool Load(int index)
    {
        try
        {
            _source.Read(index, _stored);
            _decoder.Decode(_stored, _pixels, _source.Locate(index));
            return true;
        }
        catch (DataException)
        {
            return false;
        }
    }
}

/// <summary>One picture of many images.</summary>
/// <param name="Address">The picture itself, as a <c>data:</c> address.</param>
/// <param name="Cell">The side of an image's square in pixels.</param>
/// <param name="Columns">Images in a row.</param>
/// <param name="Rows">Rows.</param>
internal sealed record Atlas(string Address, int Cell, int Columns, int Rows);
