using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>How many images came by which path.</summary>
internal struct DecodedCounts
{
    private long _cache;
    private long _raw;
    private long _own;
    private long _skiaSharp;
    private long _imageSharp;

    /// <summary>Each path by its name in metrics.</summary>
    public readonly IEnumerable<(string Path, long Images)> ByPath =>
    [
        ("cache", _cache), ("raw", _raw), ("selfsup", _own), ("skia_sharp", _skiaSharp), ("image_sharp", _imageSharp),
    ];

    /// <summary>Counts an image.</summary>
    /// <param name="by">What decoded it.</param>
    /// <param name="wasKept">Whether it was there already, decoded before.</param>
    public void Add(DecodedBy by, bool wasKept)
    {
        switch (by)
        {
            case DecodedBy.SelfSup:
                _own++;
                break;
            case DecodedBy.SkiaSharp:
                _skiaSharp++;
                break;
            case DecodedBy.ImageSharp:
                _imageSharp++;
                break;
            default:
                _ = wasKept ? _cache++ : _raw++;
                break;
        }
    }

    /// <summary>Those of two workers.</summary>
    public static DecodedCounts operator +(DecodedCounts a, DecodedCounts b) => new()
    {
        _cache = a._cache + b._cache,
        _raw = a._raw + b._raw,
        _own = a._own + b._own,
        _skiaSharp = a._skiaSharp + b._skiaSharp,
        _imageSharp = a._imageSharp + b._imageSharp,
    };
}
