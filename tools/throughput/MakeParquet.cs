using System.CommandLine;

using Parquet;
using Parquet.Schema;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>make-parquet FOLDER OUT</c>: a Parquet file as large as a data set, from a few photographs that are repeated.
/// </summary>
internal static class MakeParquet
{
    private const int RowsPerGroup = 100;

    public static Command Command()
    {
        var folder = Arguments.Folder();
        var output = new Argument<FileInfo>("out") { Description = "The Parquet file to write" };
        var images = Arguments.Count("--images", "How many images the file has.", 20_000);
        var command = new Command("make-parquet", "Repeats a folder's images in a Parquet file, to try stream-parquet.")
        {
            folder, output, images,
        };
        command.SetAction((parsed, cancellationToken) => Run(
            parsed.GetRequiredValue(folder),
            parsed.GetRequiredValue(output),
            parsed.GetValue(images),
            cancellationToken));
        return command;
    }

    private static async Task<int> Run(string folder, FileInfo output, int images, CancellationToken cancellationToken)
    {
        using var photographs = new FolderSource(CompareViews.Existing(folder));
        var files = new ReadOnlyMemory<byte>[photographs.Count];
        var image = new StoredImage();
        for (var index = 0; index < files.Length; index++)
        {
            photographs.Read(index, image);
            files[index] = image.Bytes.ToArray();
        }

        try
        {
            await using var stream = output.Create();
            await Write(stream, files, images, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{output}: cannot be written ({e.Message}); name another place", e);
        }

        output.Refresh();
        Report.Progress($"{output}: {images:N0} images, {output.Length:N0} bytes");
        return 0;
    }

    private static async Task Write(
        Stream stream, ReadOnlyMemory<byte>[] files, int images, CancellationToken cancellationToken)
    {
        var bytes = new DataField("bytes", typeof(byte[]), isNullable: true);
        var options = new ParquetOptions
        {
            CompressionMethod = CompressionMethod.None, // The images are compressed already.
            DictionaryEncodingThreshold = 0,
        };
        await using var writer = await ParquetWriter.CreateAsync(
            new ParquetSchema(new StructField("image", bytes)), stream, options, cancellationToken: cancellationToken);
        foreach (var rows in Enumerable.Range(0, images).Chunk(RowsPerGroup))
        {
            using var group = writer.CreateRowGroup();
            var levels = new int[rows.Length];
            Array.Fill(levels, bytes.MaxDefinitionLevel); // No value is null.
            await group.WriteAllPartsAsync<ReadOnlyMemory<byte>>(
                bytes, Array.ConvertAll(rows, row => files[row % files.Length]), levels, null, cancellationToken);
        }
    }
}
