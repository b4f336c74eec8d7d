using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>What is known of the files of a source: the same in another place, and every kind of change has a name.</summary>
public sealed class SourceFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void ParquetFilesAreTheirLengthsAndFooters()
    {
        Shards("here");
        var files = Of("here");
        Assert.Null(files.Folder);
        Assert.Equal(["a.parquet", "deep/b.parquet", "deep/c.parquet"], files.Files.Select(file => file.Name));
        var path = _folder.File("here/deep/b.parquet");
        var bytes = File.ReadAllBytes(path);
        var footer = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(bytes.Length - 8));
        Assert.Equal(
            new SourceFile("deep/b.parquet", bytes.Length)
            {
                FooterSha256 = Convert.ToHexStringLower(SHA256.HashData(bytes.AsSpan(bytes.Length - 8 - footer, footer))),
                StartSha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)), // all of it, as it is short
            },
            files.Files[1]);
    }

    [Fact]
    public void APatternAndOneFileDoToo()
    {
        Shards("here");
        Assert.Empty(Of("here").DifferencesTo(Of("here/**/*.parquet")));
        Assert.Equal(["b.parquet", "c.parquet"], Of("here/deep/*.parquet").Files.Select(file => file.Name));
        Assert.Equal(["deep/b.parquet is missing", "deep/c.parquet is missing"], Of("here").DifferencesTo(Of("here/a.parquet")));
    }

    [Fact]
    public void ParquetFilesInAnotherPlaceAreTheSame()
    {
        Shards("here");
        var then = Of("here");
        Directory.CreateDirectory(_folder.File("there"));
        Directory.Move(_folder.File("here"), _folder.File("there/data"));
        File.SetLastWriteTimeUtc(_folder.File("there/data/a.parquet"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        Assert.Empty(then.DifferencesTo(Of("there/data")));
        Assert.Empty(then.DifferencesTo(Of("there")));

        // Other names in the same order hold the same images.
        File.Move(_folder.File("there/data/a.parquet"), _folder.File("there/data/0.parquet"));
        Assert.Empty(then.DifferencesTo(Of("there/data")));
    }

    [Fact]
    public void ChangesOfParquetFilesAreNamed()
    {
        Shards("here");
        var then = Of("here");
        ParquetFile.Write(_folder.File("here/a.parquet"), [[[1, 2, 3, 4, 5, 6, 7, 8, 9]]]);
        var longer = Of("here");
        Assert.Equal(
            [$"a.parquet had {then.Files[0].Bytes:N0} bytes, has {longer.Files[0].Bytes:N0}"], then.DifferencesTo(longer));

        // Images of the same lengths have the same footer.
        ParquetFile.Write(_folder.File("here/a.parquet"), [[[1, 1], [2]]]);
        var two = Of("here");
        ParquetFile.Write(_folder.File("here/a.parquet"), [[[3, 3], [4]]]);
        Assert.Equal(["a.parquet has other content"], two.DifferencesTo(Of("here")));
        Assert.Equal(two.Files[0].FooterSha256, Of("here").Files[0].FooterSha256);

        ParquetFile.Write(_folder.File("here/a.parquet"), [[[1, 1], [2]]]);
        var path = _folder.File("here/a.parquet");
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().LastIndexOf("Parquet.Net"u8)] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal(["a.parquet has another footer"], two.DifferencesTo(Of("here")));

        ParquetFile.Write(path, [[[1]]]);
        ParquetFile.Write(_folder.File("here/deep/d.parquet"), [[[4]]]);
        Assert.Equal(["deep/d.parquet is new"], then.DifferencesTo(Of("here")));
        File.Delete(_folder.File("here/deep/b.parquet"));
        Assert.Equal(["deep/b.parquet is missing", "deep/d.parquet is new"], then.DifferencesTo(Of("here")));
    }

    [Fact]
    public void AnotherOrderIsADifference()
    {
        SourceFile a = new("a", 1) { Sha256 = "1" }, b = new("b", 1) { Sha256 = "2" };
        Assert.Equal(
            ["the files come in another order"], new SourceFiles { Files = [a, b] }.DifferencesTo(new() { Files = [b, a] }));
        Assert.Equal(["a has other content"], new SourceFiles { Files = [a] }.DifferencesTo(new() { Files = [b with { Name = "a" }] }));
    }

    [Fact]
    public void ManyDifferencesAreCounted()
    {
        SourceFiles Files(int bytes) => new() { Files = [.. Enumerable.Range(0, 2000).Select(i => new SourceFile($"{i}", bytes))] };
        var differences = Files(1).DifferencesTo(Files(2));
        Assert.Equal(6, differences.Count);
        Assert.Equal("0 had 1 bytes, has 2", differences[0]);
        Assert.Equal("1,995 more files differ", differences[^1]);
    }

    [Fact]
    public void AnIdxPairIsItsContentCompressedOrNot()
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6], labels = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
        _folder.Write("plain/images-idx3-ubyte", images);
        _folder.Write("plain/labels-idx1-ubyte", labels);
        _folder.Write("zipped/images-idx3-ubyte.gz", Zip(images));
        _folder.Write("zipped/labels-idx1-ubyte.gz", Zip(labels));
        var files = Of("plain");
        Assert.Equal(
            [
                new("images-idx3-ubyte", images.Length) { Sha256 = Convert.ToHexStringLower(SHA256.HashData(images)) },
                new("labels-idx1-ubyte", labels.Length) { Sha256 = Convert.ToHexStringLower(SHA256.HashData(labels)) },
            ],
            files.Files);
        Assert.Empty(files.DifferencesTo(Of("zipped")));

        images[^1]++;
        _folder.Write("plain/images-idx3-ubyte", images);
        Assert.Equal(["images-idx3-ubyte has other content"], files.DifferencesTo(Of("plain")));
        File.Delete(_folder.File("plain/labels-idx1-ubyte"));
        Assert.Equal(
            ["images-idx3-ubyte has other content", "labels-idx1-ubyte is missing"], files.DifferencesTo(Of("plain")));
    }

    [Fact]
    public void AFolderIsTheNamesAndLengthsOfItsImages()
    {
        Folder("here");
        var then = Of("here");
        Assert.Empty(then.Files);
        Assert.Equal((5, 15L), (then.Folder!.Files, then.Folder.Bytes));

        Folder("there");
        _folder.Write("there/notes.txt", "no image, and no part of it");
        File.SetLastWriteTimeUtc(_folder.File("there/a/1.png"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        Assert.Empty(then.DifferencesTo(Of("there")));

        _folder.Write("there/c/1.png", "1234");
        _folder.Write("there/c/2.png", "12345678");
        Assert.Equal(["2 files more, 12 bytes more"], then.DifferencesTo(Of("there")));
        Assert.Equal(["2 files fewer, 12 bytes fewer"], Of("there").DifferencesTo(then));
        Directory.Delete(_folder.File("there/c"), recursive: true);

        File.Delete(_folder.File("there/a/1.png"));
        _folder.Write("there/a/2.png", "12345678901");
        Assert.Equal(["1 file fewer, 6 bytes more"], then.DifferencesTo(Of("there")));
        Folder("there");
        _folder.Write("there/a/2.png", "123456789012");
        Assert.Equal(["as many files, 9 bytes more: a file has another length"], then.DifferencesTo(Of("there")));

        File.Move(_folder.File("here/a/1.png"), _folder.File("here/b/5.png"));
        Assert.Equal(["as many files and bytes, but names or lengths have changed"], then.DifferencesTo(Of("here")));
    }

    [Fact]
    public void ManyFilesAreLookedAtByManyThreads()
    {
        for (var i = 0; i < 2500; i++)
        {
            _folder.Write($"here/{i % 7}/{i:D4}.png", new byte[i % 13]);
        }

        var (one, two) = (Of("here"), Of("here"));
        Assert.Equal((2500, Enumerable.Range(0, 2500).Sum(i => i % 13)), (one.Folder!.Files, one.Folder.Bytes));
        Assert.Equal(one.Folder, two.Folder);
    }

    [Fact]
    public void ALinkIsTheFileItLeadsTo()
    {
        Folder("here");
        Directory.CreateDirectory(_folder.File("links/a"));
        Directory.CreateDirectory(_folder.File("links/b"));
        foreach (var file in Directory.EnumerateFiles(_folder.File("here"), "*.png", SearchOption.AllDirectories))
        {
            File.CreateSymbolicLink(file.Replace("/here/", "/links/", StringComparison.Ordinal), file);
        }

        Assert.Empty(Of("here").DifferencesTo(Of("links")));
        File.Delete(_folder.File("here/b/4.png"));
        var error = Assert.Throws<DataException>(() => Of("links"));
        Assert.Equal(
            $"{_folder.File("links/b/4.png")}: this file is gone, or a link to nothing; bring it back and give the same command again, "
            + "nothing is lost, or begin anew without it",
            error.Message);
        Assert.True(error.IsSourceLost);
    }

    [Fact]
    public void AnotherKindOfSourceIsADifference()
    {
        Folder("images");
        Shards("parquet");
        Assert.Equal(
            ["was a folder of 5 image files, is 3 files (a.parquet, ...)"], Of("images").DifferencesTo(Of("parquet")));
        Assert.Equal(["was the file a.parquet, is a folder of 5 image files"], Of("parquet/a.parquet").DifferencesTo(Of("images")));
    }

    [Fact]
    public void ALimitDoesNotChangeTheFiles()
    {
        Shards("here");
        using var limited = ImageSources.Open(new() { Path = _folder.File("here"), Limit = 1 });
        Assert.Equal(1, limited.Count);
        Assert.Empty(limited.Files.DifferencesTo(Of("here")));
    }

    [Theory]
    [InlineData("images")]
    [InlineData("parquet")]
    [InlineData("idx")]
    public void ItCanBeWrittenToAManifest(string kind)
    {
        Folder("images");
        Shards("parquet");
        _folder.Write("idx/images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5]);
        var files = Of(kind);
        var json = JsonSerializer.Serialize(files, CheckpointManifest.Json);
        var read = JsonSerializer.Deserialize<SourceFiles>(json, CheckpointManifest.Json)!;
        Assert.Equal(files.Files, read.Files);
        Assert.Equal(files.Folder, read.Folder);
        Assert.Empty(read.DifferencesTo(files));
        Assert.DoesNotContain(_folder.Path, json, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private SourceFiles Of(string path)
    {
        using var source = ImageSources.Open(new() { Path = _folder.File(path) });
        return source.Files;
    }

    private void Shards(string folder)
    {
        Directory.CreateDirectory(_folder.File(folder, "deep"));
        ParquetFile.Write(_folder.File(folder, "a.parquet"), [[[1]]]);
        ParquetFile.Write(_folder.File(folder, "deep/b.parquet"), [[[2], [3]]]);
        ParquetFile.Write(_folder.File(folder, "deep/c.parquet"), [[[4]], [[5, 6]]]);
    }

    /// <summary>Five images of 1 to 5 bytes.</summary>
    private void Folder(string folder)
    {
        for (var i = 0; i < 5; i++)
        {
            _folder.Write($"{folder}/{(i < 3 ? 'a' : 'b')}/{i}.png", new byte[i + 1]);
        }
    }

    private static byte[] Zip(byte[] content)
    {
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return zipped.ToArray();
    }
}
