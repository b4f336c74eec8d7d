using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

using Parquet;
using Parquet.Schema;

using SelfSup.Images;

namespace SelfSup.Tools.FashionMnist;

/// <summary>Writes gray images and labels the way the Hugging Face library writes a data set.</summary>
internal static class HuggingFaceParquet
{
    private const int RowsPerGroup = 1000;

    private static readonly string[] _classNames =
    [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ];

    /// <summary>Writes the given images; the same input gives the same bytes.</summary>
    /// <param name="stream">Takes the file.</param>
    /// <param name="images">Raw gray images with labels.</param>
    /// <param name="rows">Which images, by index.</param>
    /// <param name="cancellationToken">Ends the writing early; the file is then incomplete.</param>
    public static async Task Write(
        Stream stream, IdxSource images, IReadOnlyList<int> rows, CancellationToken cancellationToken)
    {
        var bytes = new DataField("bytes", typeof(byte[]), isNullable: true);
        var path = new DataField("path", typeof(string), isNullable: true);
        var label = new DataField("label", typeof(long), isNullable: true);
        var schema = new ParquetSchema(new StructField("image", bytes, path), label);
        var options = new ParquetOptions
        {
            CompressionMethod = CompressionMethod.None, // PNG is compressed already.
            DictionaryEncodingThreshold = 0,
        };

        await using var writer = await ParquetWriter.CreateAsync(
            schema, stream, options, cancellationToken: cancellationToken);
        writer.CustomMetadata = new Dictionary<string, string> { ["huggingface"] = Features() };
        foreach (var group in rows.Chunk(RowsPerGroup))
        {
            using var columns = writer.CreateRowGroup();
            await WriteAll(columns, bytes, group, index => (ReadOnlyMemory<byte>)Encode(images, index));
            await WriteAll(columns, path, group, index => Name(index).AsMemory());
            await WriteAll(columns, label, group, index => (long)images.Label(index));
        }

        async Task WriteAll<T>(ParquetRowGroupWriter columns, DataField field, int[] group, Func<int, T> value)
            where T : struct
        {
            var levels = new int[group.Length];
            Array.Fill(levels, field.MaxDefinitionLevel); // No value is null.
            await columns.WriteAllPartsAsync<T>(
                field, Array.ConvertAll(group, index => value(index)), levels, null, cancellationToken);
        }
    }

    private static byte[] Encode(IdxSource images, int index)
    {
        var image = new StoredImage();
        images.Read(index, image);
        return GrayPng.Encode(image.Bytes.Span, image.RawWidth, image.RawHeight);
    }

    private static string Name(int index) => index.ToString("D5", CultureInfo.InvariantCulture) + ".png";

    /// <summary>What the Hugging Face library reads back as the data set's features.</summary>
    private static string Features() => new JsonObject
    {
        ["info"] = new JsonObject
        {
            ["features"] = new JsonObject
            {
                ["image"] = new JsonObject { ["_type"] = "Image" },
                ["label"] = new JsonObject
                {
                    ["names"] = new JsonArray([.. _classNames.Select(name => JsonValue.Create(name))]),
                    ["_type"] = "ClassLabel",
                },
            },
        },
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = false });
}
