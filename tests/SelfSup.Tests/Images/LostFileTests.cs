using Parquet;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>Files that change or vanish while they are read: what comes out is what was opened, or an error that says so.</summary>
public sealed class LostFileTests : IDisposable
{
    private static readonly DateTime _past = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void AFileThatIsWrittenToWhileItIsReadIsNotBelieved()
    {
        var path = Old(_folder.Write("it", "12345"));
        using var file = OpenedFile.Open(path);
        Assert.Equal(1, file.Read(_ => 1));
        var error = Assert.Throws<DataException>(() => file.Read(_ =>
        {
            File.WriteAllText(path, "54321");
            return 1;
        }));
        Assert.StartsWith(
            $"{path}: has changed since it was opened (written at 2026-03-01 12:00:00.000 then, ", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsSourceLost);
    }

    [Fact]
    public void AfterAFailureTheFileIsOpenedAgainIfItIsTheSame()
    {
        var path = Old(_folder.Write("it", "12345"));
        using var file = OpenedFile.Open(path);
        var first = file.Read(handle => handle);
        Assert.Same(first, file.Read(handle => handle));

        var failure = LostFile.Unreadable(path, new IOException("Stale file handle"));
        Assert.Same(failure, Assert.Throws<DataException>(() => file.Read<int>(_ => throw failure)));
        var second = file.Read(handle => handle);
        Assert.NotSame(first, second);
        Assert.False(first.IsClosed); // others may still read from it
        Assert.Same(second, file.Read(handle => handle));

        // What has taken its place is not what was opened.
        Assert.Throws<DataException>(() => file.Read<int>(_ => throw failure));
        File.Move(_folder.Write("other", "54321"), path, overwrite: true);
        Assert.Same(second, file.Read(handle => handle));
    }

    [Fact]
    public void WhatLooksLikeDamageIsCalledAChangeWhereItIsOne()
    {
        var path = _folder.Write("it", "12345");
        using var file = OpenedFile.Open(path);
        var damage = new DataException("a page is damaged");
        Assert.Same(damage, Assert.Throws<DataException>(() => file.Read<int>(_ => throw damage)));
        var error = Assert.Throws<DataException>(() => file.Read<int>(_ =>
        {
            File.WriteAllText(path, "");
            throw damage;
        }));
        Assert.Equal(
            $"{path}: has changed since it was opened (length 5 then, 0 now); put the file back as it was and give the same "
            + "command again, nothing is lost",
            error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AParquetFileThatIsCutOffIsNoticed(bool isOurReader)
    {
        var path = Written(isOurReader);
        using var source = Open(path);
        var length = new FileInfo(path).Length;
        Assert.Equal(Filled(0), source.Read(0).Bytes.ToArray());
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(length / 2);
        }

        for (var index = 1; index < 4; index++) // also what still is there
        {
            var error = Assert.Throws<DataException>(() => source.Read(index));
            Assert.Contains($"(length {length:N0} then, {length / 2:N0} now)", error.Message, StringComparison.Ordinal);
            Assert.True(error.IsSourceLost);
        }

        var reopened = Assert.Throws<DataException>(() => Open(path));
        Assert.Equal(
            $"{path}: not a Parquet file, a truncated or a damaged one (its end is missing); get it again", reopened.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AParquetFileThatIsWrittenAgainIsNoticedUntilItIsBack(bool isOurReader)
    {
        var path = Old(Written(isOurReader));
        using var source = Open(path);
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, Array.ConvertAll(bytes, value => value == 3 ? (byte)33 : value));
        Assert.Contains("has changed since it was opened (written at", Refusal(source, 3), StringComparison.Ordinal);

        File.WriteAllBytes(path, bytes);
        Old(path);
        Assert.Equal(Filled(3), source.Read(3).Bytes.ToArray()); // and the failure was not kept
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AParquetFileThatIsReplacedOrDeletedIsReadToItsEnd(bool isOurReader)
    {
        var path = Written(isOurReader);
        using var source = Open(path);
        ParquetFile.Write(_folder.File("other"), [[[9]]]);
        File.Move(_folder.File("other"), path, overwrite: true);
        Assert.Equal(Filled(1), source.Read(1).Bytes.ToArray());
        File.Delete(path);
        Assert.Equal(Filled(3), source.Read(3).Bytes.ToArray());
    }

    [Fact]
    public void AFileWithoutTheBeginningOfParquetIsRefused()
    {
        var path = Written(isOurReader: true);
        var bytes = File.ReadAllBytes(path);
        bytes[0] = 0;
        File.WriteAllBytes(path, bytes);
        Assert.Equal(
            $"{path}: not a Parquet file, a truncated or a damaged one (it does not begin like one); get it again",
            Assert.Throws<DataException>(() => Open(path)).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnImageFileThatChangesIsNoticed(bool isListed)
    {
        string[] paths = [.. Enumerable.Range(0, 4).Select(i => Old(_folder.Write($"in/{i}.png", $"image {i}")))];
        using var source = new FolderSource(_folder.File("in"));
        if (isListed)
        {
            Assert.Equal(28, source.Files.Folder!.Bytes);
        }
        else
        {
            Assert.All(Enumerable.Range(0, 4), index => source.Read(index));
        }

        File.AppendAllText(paths[0], "!");
        Assert.Equal(
            $"{paths[0]}: has changed since it was opened (length 7 then, 8 now); put the file back as it was and give the same "
            + "command again, nothing is lost",
            Refusal(source, 0));
        File.WriteAllText(paths[1], "image");
        Assert.Contains("(length 7 then, 5 now)", Refusal(source, 1), StringComparison.Ordinal);
        File.WriteAllText(paths[2], "egami 2");
        Assert.Contains("(written at 2026-03-01 12:00:00.000 then, ", Refusal(source, 2), StringComparison.Ordinal);
        Assert.Equal("image 3"u8, source.Read(3).Bytes.Span);
        Old(paths[2]);
        Assert.Equal("egami 2"u8, source.Read(2).Bytes.Span);
    }

    [Fact]
    public void AnImageFileThatVanishesOrIsSomethingElseIsLost()
    {
        string[] paths = [.. Enumerable.Range(0, 4).Select(i => _folder.Write($"in/{i}.png"))];
        using var source = new FolderSource(_folder.File("in"));
        foreach (var path in paths)
        {
            File.Delete(path);
        }

        Directory.CreateDirectory(paths[1]);
        File.CreateSymbolicLink(paths[2], "nowhere");
        File.CreateSymbolicLink(paths[3], "3.png");
        const string Gone =
            ": this file is gone, or a link to nothing; bring it back and give the same command again, nothing is lost, or begin anew without it";
        Assert.Equal(paths[0] + Gone, Refusal(source, 0));
        Assert.Equal(
            $"{paths[1]}: this file may not be read (Access to the path '{paths[1]}' is denied); make it readable and give the same "
            + "command again, nothing is lost, or begin anew without it",
            Refusal(source, 1));
        Assert.Equal(paths[2] + Gone, Refusal(source, 2));
        Assert.EndsWith(
            "); see to the disk or network and give the same command again, nothing is lost", Refusal(source, 3), StringComparison.Ordinal);
    }

    [Fact]
    public void ADiskThatFailsIsNoDamagedImage()
    {
        // The kernel answers reads of the first page of a process's memory as a disk answers that is broken.
        Assert.SkipUnless(File.Exists("/proc/self/mem"), "needs /proc");
        using var file = OpenedFile.Open("/proc/self/mem");
        var error = Assert.Throws<DataException>(() => file.Read(handle =>
        {
            try
            {
                return RandomAccess.Read(handle, new byte[8], 0);
            }
            catch (Exception e) when (LostFile.IsIt(e))
            {
                throw LostFile.Unreadable("it", e);
            }
        }));
        Assert.Equal(
            "it: this file cannot be read (Input/output error : '/proc/self/mem'); see to the disk or network and give the same command "
            + "again, nothing is lost",
            error.Message);
    }

    [Fact]
    public void AnIdxFileIsReadOnce()
    {
        var path = _folder.Write("images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6]);
        using var source = ImageSources.Open(new() { Path = path });
        File.Delete(path);
        Assert.Equal([6], source.Read(1).Bytes.ToArray());
        Assert.Equal(18, Assert.Single(source.Files.Files).Bytes);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Four images in row groups of their own, each too large for the cache to hold two.</summary>
    private string Written(bool isOurReader)
    {
        var path = _folder.File("it.parquet");
        var options = new ParquetOptions
        {
            CompressionMethod = isOurReader ? CompressionMethod.None : CompressionMethod.Gzip,
        };
        ParquetFile.Write(path, [.. Enumerable.Range(0, 4).Select(i => new[] { Filled(i) })], options: options);
        using var shard = ParquetShard.Open(path, null, null);
        Assert.Equal(isOurReader, shard.ReadsPages(0));
        return path;
    }

    private static byte[] Filled(int value)
    {
        var bytes = new byte[700_000];
        Array.Fill(bytes, (byte)value);
        return bytes;
    }

    /// <summary>Makes a file an old one, so that what is written from now on shows.</summary>
    private static string Old(string path)
    {
        File.SetLastWriteTimeUtc(path, _past);
        return path;
    }

    private static IImageSource Open(string path) => ImageSources.Open(new() { Path = path, CacheMegabytes = 1 });

    private static string Refusal(IImageSource source, int index)
    {
        var error = Assert.Throws<DataException>(() => source.Read(index));
        Assert.True(error.IsSourceLost);
        return error.Message;
    }
}
