using System.Security.Cryptography;
using System.Text.Json;

using Parquet;
using Parquet.Meta;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// One Parquet file: its row groups, labels and class names, read when it is opened, and its images, read by row
/// group. The file is kept open, and several threads may read at once.
/// </summary>
internal sealed class ParquetShard : IDisposable
{
    /// <summary>Of the beginning that is part of the description: a read that costs no more than a shorter one.</summary>
    private const int StartBytes = 64 << 10;

    private readonly string _imageField;
    private readonly OpenedFile _file;
    private readonly SourceFile _description;
    private readonly ParquetChunk?[] _chunks;

    private ParquetShard(
        OpenedFile file, SourceFile description, string imageField, int[] rowsByGroup, ParquetChunk?[] chunks,
        long largestGroup, int[]? labels, string[] classNames)
    {
        _imageField = imageField;
        _file = file;
        _description = description;
        _chunks = chunks;
        RowsByGroup = rowsByGroup;
        LargestGroup = largestGroup;
        LargestCompressed = chunks.Max(
            chunk => chunk is null or { Codec: CompressionCodec.UNCOMPRESSED } ? 0 : (long?)chunk.Length) ?? 0;
        Labels = labels;
        ClassNames = classNames;
    }

    public string Path => _file.Path;

    /// <summary>How many rows each row group has; some may have none.</summary>
    public IReadOnlyList<int> RowsByGroup { get; }

    /// <summary>Bytes of the largest row group, as its footer says.</summary>
    public long LargestGroup { get; }

    /// <summary>Bytes of the largest images column of a row group that is decompressed, 0 where none is.</summary>
    public long LargestCompressed { get; }

    /// <summary>The label of every row, -1 where it is null or negative; null where the file has no labels.</summary>
    public IReadOnlyList<int>? Labels { get; }

    /// <summary>The names that the file's Hugging Face metadata give to labels; empty where there are none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Reads everything but the images.</summary>
    /// <param name="path">The file.</param>
    /// <param name="imageColumn">See <see cref="ImageSourceOptions.ImageColumn"/>.</param>
    /// <param name="labelColumn">See <see cref="ImageSourceOptions.LabelColumn"/>.</param>
    /// <exception cref="DataException">Not a Parquet file, a damaged one, or one without such columns.</exception>
    public static ParquetShard Open(string path, string? imageColumn, string? labelColumn)
    {
        var file = OpenedFile.Open(path);
        try
        {
            return Open(file, imageColumn, labelColumn);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ParquetShard Open(OpenedFile file, string? imageColumn, string? labelColumn) =>
        ParquetAccess.Read(file, async (reader, footer) =>
        {
            var path = file.Path;
            var columns = ParquetColumns.Choose(reader.Schema, path, imageColumn, labelColumn);
            var rowsByGroup = new int[reader.RowGroupCount];
            var chunks = new ParquetChunk?[rowsByGroup.Length];
            var labels = columns.Label is null ? null : new List<int>();
            long largest = 0;
            for (var group = 0; group < rowsByGroup.Length; group++)
            {
                using var rows = reader.OpenRowGroupReader(group);
                rowsByGroup[group] = CheckedRows(rows, file);
                chunks[group] = ParquetChunk.Of(rows, columns.Image, file.Length);
                largest = Math.Max(largest, rows.RowGroup.TotalByteSize);
                if (columns.Label is { } field)
                {
                    var first = labels!.Count;
                    var numbers = await ParquetAccess.ReadIntegers(rows, field, rowsByGroup[group]);
                    labels.AddRange(numbers.Select((number, row) => CheckedLabel(number, path, first + row)));
                }
            }

            var names = columns.Label is { } labelled
                ? ClassNamesOf(reader.CustomMetadata.GetValueOrDefault("huggingface"), labelled.Path.FirstPart ?? "")
                : [];
            return new ParquetShard(
                file, Describe(file, footer), columns.Image.Path.ToString(), rowsByGroup, chunks, largest,
                labels?.ToArray(), names);
        });

    /// <summary>What the file is.</summary>
    /// <param name="name">What it is called among others.</param>
    public SourceFile Describe(string name) => _description with { Name = name };

    /// <summary>Reads the encoded images of a row group.</summary>
    /// <exception cref="DataException">The row group cannot be read, or the file has changed.</exception>
    public void ReadImages(int group, ImageBlock block)
    {
        var isRead = _chunks[group] is { } chunk
            && ParquetAccess.Read(_file, handle => ParquetPages.Read(handle, chunk, RowsByGroup[group], block));
        if (!isRead)
        {
            ReadOtherImages(group, block);
        }
    }

    /// <summary>Whether the images of a row group are where our own reader looks for them.</summary>
    internal bool ReadsPages(int group) => _chunks[group] is not null;

    /// <summary>
    /// Reads the encoded images of a row group in any of the ways that Parquet.Net knows, into memory of their own first.
    /// </summary>
    /// <exception cref="DataException">The row group cannot be read, or the file has changed.</exception>
    internal void ReadOtherImages(int group, ImageBlock block)
    {
        var images = ParquetAccess.Read(_file, async (reader, _) =>
        {
            using var rows = reader.OpenRowGroupReader(group);
            var field = reader.Schema.GetDataFields().Single(field => field.Path.ToString() == _imageField);
            return await ParquetAccess.ReadColumn<ReadOnlyMemory<byte>>(rows, field, RowsByGroup[group]);
        });
        var length = images.Sum(image => (long)(image?.Length ?? 0));
        if (length > Array.MaxLength)
        {
            throw new DataException(
                $"{Path}: a row group with {length:N0} bytes of images, at most {Array.MaxLength:N0} are read at once; "
                + "write it with smaller row groups");
        }

        var content = block.ResetContent((int)length);
        var places = block.ResetPlaces(images.Length);
        var end = 0;
        for (var row = 0; row < images.Length; row++)
        {
            places[row] = images[row] is { } image ? new ImagePlace(end, image.Length) : ImagePlace.None;
            images[row].GetValueOrDefault().Span.CopyTo(content[end..]);
            end += Math.Max(0, places[row].Length);
        }
    }

    public void Dispose() => _file.Dispose();

    private static SourceFile Describe(OpenedFile file, byte[] footer)
    {
        var start = new byte[Math.Min(file.Length, StartBytes)];
        ParquetAccess.Read(file, handle => FileReading.Fill(handle, start, 0));
        return new SourceFile(file.Path, file.Length)
        {
            FooterSha256 = Convert.ToHexStringLower(SHA256.HashData(footer)),
            StartSha256 = Convert.ToHexStringLower(SHA256.HashData(start)),
        };
    }

    private static int CheckedRows(ParquetRowGroupReader rows, OpenedFile file)
    {
        // Every image takes at least a byte; a footer that promises more rows would only make us reserve memory.
        var most = Math.Min(file.Length, Array.MaxLength);
        return rows.RowCount >= 0 && rows.RowCount <= most
            ? (int)rows.RowCount
            : throw new DataException(
                $"{file.Path}: its footer promises {rows.RowCount:N0} rows in a row group, must be at most "
                + $"{most:N0}; get it again");
    }

    private static int CheckedLabel(long? label, string path, int row) => label switch
    {
        null or < 0 => -1,
        < ParquetColumns.MostClasses => (int)label,
        _ => throw new DataException(
            $"{path}, row {row}: the label {label} must be less than {ParquetColumns.MostClasses:N0}; "
            + "name another column in data.labelColumn"),
    };

    /// <summary>The names a Hugging Face file gives to its labels: <c>info.features.label.names</c>.</summary>
    private static string[] ClassNamesOf(string? metadata, string column)
    {
        if (metadata is null)
        {
            return [];
        }

        try
        {
            using var document = JsonDocument.Parse(metadata);
            var element = document.RootElement;
            foreach (var name in (string[])["info", "features", column, "names"])
            {
                if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                {
                    return [];
                }
            }

            return element.ValueKind == JsonValueKind.Array
                ? [.. element.EnumerateArray().Select(name => name.ToString())]
                : [];
        }
        catch (JsonException)
        {
            return []; // The names are an extra; the images and labels do not depend on them.
        }
    }
}
