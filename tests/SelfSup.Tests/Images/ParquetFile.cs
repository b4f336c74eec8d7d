using System.Text.Json;

using Parquet;
using Parquet.Schema;

namespace SelfSup.Tests.Images;

/// <summary>Writes the Parquet files of tests.</summary>
internal static class ParquetFile
{
    /// <summary>A file in the Hugging Face layout.</summary>
    /// <param name="path">Where.</param>
    /// <param name="images">By row group and row; a null image is a null struct.</param>
    /// <param name="labels">By row group and row, or null for a file without labels.</param>
    /// <param name="names">Names of classes for the metadata, or null for none.</param>
    /// <param name="column">The name of the images column.</param>
    /// <param name="options">How it is written; as Parquet.Net writes it unless told where null.</param>
    public static void Write(
        string path, byte[]?[][] images, long?[][]? labels = null, string[]? names = null, string column = "image",
        ParquetOptions? options = null)
    {
        var bytes = new DataField("bytes", typeof(byte[]), isNullable: true);
        var name = new DataField("path", typeof(string), isNullable: true);
        var label = new DataField("label", typeof(long), isNullable: true);
        var image = new StructField(column, bytes, name);
        var schema = labels is null ? new ParquetSchema(image) : new ParquetSchema(image, label);
        WriteGroups(path, schema, images.Length, names, options, async (group, columns) =>
        {
            var present = images[group].OfType<byte[]>().ToArray();
            var levels = Array.ConvertAll(images[group], row => row is null ? 0 : bytes.MaxDefinitionLevel);
            await columns.WriteAllPartsAsync<ReadOnlyMemory<byte>>(
                bytes, Array.ConvertAll(present, row => (ReadOnlyMemory<byte>)row), levels, null, default);
            await columns.WriteAllPartsAsync<ReadOnlyMemory<char>>(
                name, Array.ConvertAll(present, row => $"{row.Length}.png".AsMemory()), levels, null, default);
            if (labels is not null)
            {
                await columns.WriteAsync<long>(label, labels[group]);
            }
        });
    }

    /// <summary>A file of one row group with plain columns.</summary>
    public static void WritePlain(string path, params (DataField Field, Array Values)[] columns) =>
        WriteGroups(path, new ParquetSchema(columns.Select(column => column.Field)), 1, null, null, async (_, group) =>
        {
            foreach (var (field, values) in columns)
            {
                await (values switch
                {
                    byte[][] binary => group.WriteAsync(field, binary),
                    string[] text => group.WriteAsync(field, text),
                    int[] numbers => group.WriteAsync<int>(field, numbers),
                    sbyte[] numbers => group.WriteAsync<sbyte>(field, numbers),
                    double[] numbers => group.WriteAsync<double>(field, numbers),
                    _ => group.WriteAsync<long>(field, (long[])values),
                });
            }
        });

    private static void WriteGroups(
        string path, ParquetSchema schema, int groups, string[]? names, ParquetOptions? options,
        Func<int, ParquetRowGroupWriter, Task> write)
    {
        Run().GetAwaiter().GetResult();

        async Task Run()
        {
            await using var file = File.Create(path);
            await using var writer = await ParquetWriter.CreateAsync(schema, file, options);
            if (names is not null)
            {
                var label = JsonSerializer.Serialize(new { names, _type = "ClassLabel" });
                writer.CustomMetadata = new Dictionary<string, string>
                {
                    ["huggingface"] = $"{{\"info\": {{\"features\": {{\"label\": {label}}}}}}}",
                };
            }

            for (var group = 0; group < groups; group++)
            {
                using var columns = writer.CreateRowGroup();
                await write(group, columns);
            }
        }
    }
}
