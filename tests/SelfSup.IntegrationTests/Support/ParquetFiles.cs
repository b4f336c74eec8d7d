using Parquet;
using Parquet.Schema;

namespace SelfSup.IntegrationTests.Support;

internal static class ParquetFiles
{
    /// <summary>Writes a file with a column of numbers and none of images.</summary>
    public static async Task WriteNumbers(string path)
    {
        var field = new DataField<int>("number");
        await using var file = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync<int>(field, new[] { 1, 2, 3 });
    }

    /// <summary>Writes bitmaps of made-up pixels in four classes, the first few without a label, 12 kilobytes each, in row groups of 32.</summary>
    public static async Task WriteImages(string path, int count, int unlabelled = 0)
    {
        var bytes = new DataField("bytes", typeof(byte[]), isNullable: true);
        var label = new DataField<long>("label");
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.None, DictionaryEncodingThreshold = 0 };
        await using var file = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(new StructField("image", bytes), label), file, options);
        foreach (var rows in Enumerable.Range(0, count).Chunk(32))
        {
            using var group = writer.CreateRowGroup();
            var levels = new int[rows.Length];
            Array.Fill(levels, bytes.MaxDefinitionLevel);
            await group.WriteAllPartsAsync<ReadOnlyMemory<byte>>(
                bytes, Array.ConvertAll(rows, row => (ReadOnlyMemory<byte>)Bitmap(row)), levels, null, default);
            await group.WriteAsync<long>(label, Array.ConvertAll(rows, row => row < unlabelled ? -1 : row % 4L));
        }
    }

    private static byte[] Bitmap(int number)
    {
        const int Side = 64, Header = 54;
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("BM"u8);
        foreach (var value in new[] { Header + (3 * Side * Side), 0, Header, 40, Side, Side, 1 | (24 << 16), 0, 0, 0, 0, 0, 0 })
        {
            writer.Write(value);
        }

        var state = (uint)number + 1;
        for (var i = 0; i < 3 * Side * Side; i++)
        {
            state = (state * 1664525) + 1013904223;
            writer.Write((byte)((number % 4 * 60) + (int)(state >> 26)));
        }

        return stream.ToArray();
    }
}
