using System.Buffers.Binary;
using System.Text.Json;

using Parquet;
using Parquet.Schema;

using SelfSup.Checkpoints;

namespace SelfSup.Datasets;

/// <summary>
/// A Parquet file in the layout of Hugging Face data sets that grows by one row group at a time. After each group it is a
/// whole file; the next group takes the place of its footer. Nothing is compressed, images already are.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="classNames">The names of the labels; without any the file gets no labels.</param>
internal sealed class ShardFile(string path, IReadOnlyList<string> classNames)
{
    private const int TailBytes = 8; // behind the footer: its length, and PAR1

    private static readonly ParquetOptions _options = new()
    {
        CompressionMethod = CompressionMethod.None,
        DictionaryEncodingThreshold = 0,
    };

    private readonly DataField _bytes = new("bytes", typeof(byte[]), isNullable: true);
    private readonly DataField _path = new("path", typeof(string), isNullable: true);
    private readonly DataField _label = new("label", typeof(long), isNullable: true);

    /// <summary>Appends a row group and forces it to disk. The same groups give the same bytes.</summary>
    /// <returns>What is needed to come back to this state.</returns>
    /// <exception cref="IOException">It cannot be written; the file may then be damaged behind the groups before.</exception>
    public ShardState Append(IReadOnlyList<PackedImage> rows, ShardState? before)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1 << 16);
        // The stream is synchronous, so nothing is awaited for long.
        Write(file, rows, append: before is not null).GetAwaiter().GetResult();
        DurableFile.Flush(file);

        Span<byte> tail = stackalloc byte[TailBytes];
        file.Seek(-TailBytes, SeekOrigin.End);
        file.ReadExactly(tail);
        var footer = new byte[BinaryPrimitives.ReadInt32LittleEndian(tail) + TailBytes];
        file.Seek(-footer.Length, SeekOrigin.End);
        file.ReadExactly(footer);
        return new ShardState((before?.Rows ?? 0) + rows.Count, file.Length - footer.Length, footer);
    }

    private async Task Write(FileStream file, IReadOnlyList<PackedImage> rows, bool append)
    {
        var image = new StructField("image", _bytes, _path);
        var schema = classNames.Count > 0 ? new ParquetSchema(image, _label) : new ParquetSchema(image);
        await using var writer = await ParquetWriter.CreateAsync(schema, file, _options, append);
        writer.CustomMetadata = new Dictionary<string, string> { ["huggingface"] = Features() };
        using var group = writer.CreateRowGroup();
        await WriteAll(_bytes, [.. rows.Select(row => (ReadOnlyMemory<byte>)row.Bytes)], Levels(_bytes, _ => true));
        await WriteAll(_path, [.. rows.Select(row => row.Name.AsMemory())], Levels(_path, _ => true));
        if (classNames.Count > 0)
        {
            long[] labels = [.. rows.Where(row => row.Label >= 0).Select(row => (long)row.Label)];
            await WriteAll(_label, labels, Levels(_label, row => row.Label >= 0));
        }

        async Task WriteAll<T>(DataField field, T[] values, int[] levels)
            where T : struct => await group.WriteAllPartsAsync<T>(field, values, levels, null, default);

        int[] Levels(DataField field, Func<PackedImage, bool> isThere) =>
            [.. rows.Select(row => isThere(row) ? field.MaxDefinitionLevel : 0)];
    }

    /// <summary>What the Hugging Face library reads back as the data set's features.</summary>
    private string Features()
    {
        var features = new Dictionary<string, object> { ["image"] = new { _type = "Image" } };
        if (classNames.Count > 0)
        {
            features["label"] = new { names = classNames, _type = "ClassLabel" };
        }

        return JsonSerializer.Serialize(new { info = new { features } });
    }
}
