using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Adds up what is found out about image after image.</summary>
internal sealed class InspectTally(IImageSource source)
{
    private static readonly double[] _megapixels = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32];

    private readonly Dictionary<string, int> _formats = [];
    private readonly Dictionary<string, int> _sampling = [];
    private readonly HashSet<UInt128> _hashes = [];
    private readonly ValueCounts _widths = new();
    private readonly ValueCounts _heights = new();
    private readonly int[] _bins = new int[_megapixels.Length];
    private readonly int[] _classes = new int[source.ClassNames.Count];
    private readonly List<UnreadableImage> _unreadable = [];
    private readonly double[] _sums = new double[3];
    private readonly double[] _squares = new double[3];
    private long _bytes;
    private int _jpegs;
    private int _progressive;
    private int _gray;
    private int _cmyk;
    private int _unlabelled;
    private int _absent;
    private int _duplicates;
    private int _hashed;
    private int _decoded;

    /// <summary>Images that cannot be read so far.</summary>
    public int Unreadable => _unreadable.Count;

    /// <summary>Takes in the next image.</summary>
    public void Add(int index, ImageFacts facts)
    {
        _bytes += facts.Bytes;
        if (source.ClassNames.Count > 0)
        {
            _ = source.Label(index) is >= 0 and var label ? _classes[label]++ : _unlabelled++;
        }

        if (facts.Format is { } format)
        {
            Count(_formats, format);
            AddJpeg(format, facts.Jpeg);
        }

        if (facts.Error is { IsAbsent: true })
        {
            _absent++;
        }
        else if (facts.Error is { } error)
        {
            var where = source.Locate(index);
            _unreadable.Add(new UnreadableImage(where, SourceImage.Reason(error, where)));
        }
        else
        {
            AddPixels(facts);
        }
    }

    /// <summary>What was found.</summary>
    public InspectReport Report(InspectOptions options, int files) => new()
    {
        Path = options.Source.Path,
        Kind = source switch { FolderSource => "folder", ParquetSource => "Parquet", _ => "IDX" },
        Files = files,
        RowGroups = source is ParquetSource ? source.BlockStarts.Count : null,
        Images = source.Count,
        Bytes = _bytes,
        Quick = options.Quick,
        Formats = Ordered(_formats),
        Jpeg = _jpegs > 0 ? new JpegCounts(_progressive, _gray, _cmyk, Ordered(_sampling)) : null,
        Width = _widths.Range(),
        Height = _heights.Range(),
        Megapixels = Bins(),
        Classes = [.. source.ClassNames.Zip(_classes, (name, images) => new ClassCount(name, images))],
        Unlabelled = _unlabelled,
        RowsWithoutImage = _absent,
        Unreadable = _unreadable,
        Duplicates = _hashed > 0 ? _duplicates : null,
        Mean = _decoded == 0 ? null : Array.ConvertAll(_sums, sum => sum / _decoded),
        StandardDeviation = _decoded == 0 ? null
            : [.. _sums.Zip(_squares, (sum, squares) => Math.Sqrt(Math.Max(0, (squares / _decoded) - (sum / _decoded * (sum / _decoded)))))],
    };

    private void AddJpeg(string format, JpegFrame? jpeg)
    {
        _jpegs += format == "JPEG" ? 1 : 0;
        if (jpeg is null)
        {
            return;
        }

        _progressive += jpeg.IsProgressive ? 1 : 0;
        _gray += jpeg.Components == 1 ? 1 : 0;
        _cmyk += jpeg.Components == 4 ? 1 : 0;
        if (jpeg.Sampling is { } sampling)
        {
            Count(_sampling, sampling);
        }
    }

    private void AddPixels(ImageFacts facts)
    {
        _widths.Add(facts.Width);
        _heights.Add(facts.Height);
        var megapixels = facts.Width * (double)facts.Height / 1e6;
        _bins[Array.FindLastIndex(_megapixels, from => megapixels >= from)]++;
        if (facts.Hash is { } hash)
        {
            _hashed++;
            _duplicates += _hashes.Add(hash) ? 0 : 1;
        }

        if (facts.Means is { } means)
        {
            _decoded++;
            for (var channel = 0; channel < 3; channel++)
            {
                _sums[channel] += means.Values[channel];
                _squares[channel] += means.Squares[channel];
            }
        }
    }

    private MegapixelBin[] Bins()
    {
        var (first, last) = (Array.FindIndex(_bins, images => images > 0), Array.FindLastIndex(_bins, images => images > 0));
        return first < 0 ? [] :
        [
            .. Enumerable.Range(first, last - first + 1).Select(bin => new MegapixelBin(
                _megapixels[bin], bin + 1 < _megapixels.Length ? _megapixels[bin + 1] : null, _bins[bin])),
        ];
    }

    private static void Count(Dictionary<string, int> counts, string key) => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static Dictionary<string, int> Ordered(Dictionary<string, int> counts) => counts
        .OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal)
        .ToDictionary(entry => entry.Key, entry => entry.Value);
}
