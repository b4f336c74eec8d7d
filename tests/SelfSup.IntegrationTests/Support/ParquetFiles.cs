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
}
