using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// An IDX pair of the MNIST family, gzipped or not: images [M, H, W] or [M, H, W, 3] of bytes and, in a file beside
/// it, labels [M]. All of it is kept in memory as it is stored.
/// </summary>
internal sealed partial class IdxSource : IImageSource
{
    private readonly string _path;
    private readonly byte[] _pixels;
    private readonly byte[] _labels = [];
    private readonly int _height;
    private readonly int _width;
    private readonly int _channels;
    private readonly Lazy<SourceFiles> _files;

    /// <param name="path">The images file. The labels are looked for under the same name with <c>labels</c> for
    /// <c>images</c> and <c>idx1</c> for <c>idx3</c>, with and without <c>.gz</c>.</param>
    /// <param name="maxPixels">The largest image that is accepted.</param>
    /// <exception cref="DataException">One of the files is not an IDX file, damaged, or does not fit the
    /// other.</exception>
    public IdxSource(string path, long maxPixels)
    {
        _path = path;
        var images = IdxFile.Read(path, maxPixels);
        if (images.Dimensions is not ([_, _, _] or [_, _, _, 1 or 3]))
        {
            throw new DataException(
                $"{path}: an array of {string.Join(" x ", images.Dimensions)} bytes, must be M x H x W or M x "
                + "H x W x 3 to be images; check the path");
        }

        _pixels = images.Values;
        List<(string Path, IdxFile Content)> files = [(path, images)];
        (Count, _height, _width) = (images.Dimensions[0], images.Dimensions[1], images.Dimensions[2]);
        _channels = images.Dimensions is [_, _, _, var channels] ? channels : 1;
        if (LabelsBeside(path) is { } beside)
        {
            var labels = IdxFile.Read(beside, maxPixels);
            if (labels.Dimensions is not [var count] || count != Count)
            {
                throw new DataException(
                    $"{beside}: an array of {string.Join(" x ", labels.Dimensions)} bytes, must be {Count} "
                    + $"labels, one for each image of {path}; remove the file or check the path");
            }

            _labels = labels.Values;
            files.Add((beside, labels));
            var classes = _labels.Max() + 1;
            ClassNames = [.. Enumerable.Range(0, classes).Select(c => c.ToString(CultureInfo.InvariantCulture))];
        }

        _files = new(() => new SourceFiles { Files = [.. files.Select(file => file.Content.Describe(Path.GetFileName(file.Path)))] });
    }

    public int Count { get; }

    public IReadOnlyList<string> ClassNames { get; } = [];

    public long CacheBytes => _pixels.Length;

    public IReadOnlyList<int> BlockStarts { get; } = [0];

    /// <inheritdoc/>
    /// <remarks>Of what is in memory, so that no file is read again.</remarks>
    public SourceFiles Files => _files.Value;

    /// <summary>Whether a file of this name is the images file of a pair: <c>train-images-idx3-ubyte.gz</c>.</summary>
    public static bool IsImagesFile(string path) => ImagesFile().IsMatch(Path.GetFileName(path));

    public int Label(int index) => _labels is [] ? -1 : _labels[index];

    public void Read(int index, StoredImage into)
    {
        var length = _height * _width * _channels;
        into.Take(_pixels.AsSpan(index * length, length), _width, _height, _channels);
    }

    public string Locate(int index) => $"{_path}, image {index}";

    public string Address(int index) => $"{Path.GetFileName(_path)}, image {index}";

    public void Dispose()
    {
    }

    private static string? LabelsBeside(string path)
    {
        var name = Path.GetFileName(path);
        var labels = name.Replace("images", "labels", StringComparison.OrdinalIgnoreCase)
            .Replace("idx3", "idx1", StringComparison.OrdinalIgnoreCase)
            .Replace("idx4", "idx1", StringComparison.OrdinalIgnoreCase);
        if (labels == name)
        {
            return null;
        }

        var plain = labels.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? labels[..^3] : labels;
        string[] candidates = [labels, plain, plain + ".gz"];
        return candidates
            .Select(file => Path.Combine(Path.GetDirectoryName(path) ?? "", file))
            .FirstOrDefault(File.Exists);
    }

    [GeneratedRegex(@"images.*idx[34].*ubyte(\.gz)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ImagesFile();
}

/// <summary>An array of bytes in the IDX format, read completely.</summary>
/// <param name="Dimensions">At least one, each at least 1.</param>
/// <param name="Values">As many as the dimensions' product.</param>
internal sealed record IdxFile(int[] Dimensions, byte[] Values)
{
    /// <summary>Deflate cannot make more of a byte than this, so a header that asks for more is a lie.</summary>
    private const int MostInflation = 1032;

    /// <summary>Whether a file begins like an IDX array of bytes.</summary>
    public static bool HasSignature(ReadOnlySpan<byte> file) => file is [0, 0, 0x08, >= 1 and <= 4, ..];

    /// <summary>Whether a file is compressed by gzip.</summary>
    public static bool IsGzip(ReadOnlySpan<byte> file) => file is [0x1F, 0x8B, ..];

    /// <exception cref="DataException">The file cannot be read or is not what it says.</exception>
    public static IdxFile Read(string path, long maxPixels)
    {
        try
        {
            using var file = File.OpenRead(path);
            Span<byte> start = stackalloc byte[2];
            var zipped = file.ReadAtLeast(start, 2, throwOnEndOfStream: false) == 2 && IsGzip(start);
            file.Position = 0;
            using Stream content = zipped ? new GZipStream(file, CompressionMode.Decompress) : file;
            return Read(content, file.Length * (zipped ? MostInflation : 1), path, maxPixels);
        }
        catch (EndOfStreamException e)
        {
            throw new DataException($"{path}: is truncated, it holds less than its header says; get it again", e);
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{path}: this gzip file is damaged ({e.Message}); get it again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: this file cannot be read ({e.Message}); check the path", e);
        }
    }

    /// <summary>What the file is, as it is without compression.</summary>
    public SourceFile Describe(string name)
    {
        var header = new byte[4 + (4 * Dimensions.Length)];
        (header[2], header[3]) = (0x08, (byte)Dimensions.Length);
        for (var i = 0; i < Dimensions.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + (4 * i)), Dimensions[i]);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        hash.AppendData(Values);
        return new(name, header.Length + (long)Values.Length) { Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) };
    }

    private static IdxFile Read(Stream content, long mostBytes, string path, long maxPixels)
    {
        Span<byte> number = stackalloc byte[4];
        if (content.ReadAtLeast(number, 4, throwOnEndOfStream: false) < 4 || !HasSignature(number))
        {
            throw new DataException(
                $"{path}: not an IDX file of bytes (the first bytes must be 00 00 08 and the number of "
                + "dimensions); check the path");
        }

        var dimensions = new int[number[3]];
        UInt128 size = 1;
        for (var i = 0; i < dimensions.Length; i++)
        {
            content.ReadExactly(number);
            dimensions[i] = BinaryPrimitives.ReadInt32BigEndian(number);
            size *= (UInt128)Math.Max(dimensions[i], 0);
        }

        var shape = string.Join(" x ", dimensions.Select(d => (uint)d));
        if (size == 0)
        {
            throw new DataException($"{path}: an array of {shape} bytes, must not be empty; check the path");
        }

        if (dimensions is [_, var height, var width, ..] && (long)height * width > maxPixels)
        {
            throw new DataException(
                $"{path}: images of {width} x {height} pixels, data.maxPixels allows {maxPixels:N0} pixels; "
                + "check the file or raise data.maxPixels");
        }

        if (size > (UInt128)mostBytes)
        {
            throw new DataException($"{path}: is truncated, its header promises {shape} bytes; get it again");
        }

        if (size > (UInt128)Array.MaxLength)
        {
            throw new DataException(
                $"{path}: an array of {shape} bytes, at most {Array.MaxLength:N0} bytes are kept in memory; "
                + "convert it to Parquet");
        }

        var values = GC.AllocateUninitializedArray<byte>((int)size);
        content.ReadExactly(values);
        return content.ReadByte() == -1
            ? new IdxFile(dimensions, values)
            : throw new DataException($"{path}: holds more than the {shape} bytes its header promises; get it again");
    }
}
