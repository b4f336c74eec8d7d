using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>
/// Data that vanish or change under a run: it ends with one line and everything safe, or goes on where what it opened is
/// still there, and never sees other images. With the data back it ends bit for bit as one that was not disturbed.
/// </summary>
public sealed class DataLossTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AFolderWhoseMountVanishes()
    {
        string[] settings = Settings("mount/train", "mount/test");
        using (var mount = Mount())
        {
            Images();
            _workspace.Pretrain("whole", settings).Succeeds();
            Disturbed("run", settings, mount.Vanish).IsOneLine(
                3, _workspace["mount", "train"], "this file is gone, or a link to nothing", "give the same command again, nothing is lost");
            Assert.False(File.Exists(_workspace["run", "unreadable.txt"])); // though unreadable images may be skipped
            IsIntact("run");
        }

        _workspace.Pretrain("run", settings).IsOneLine(3, _workspace["mount", "train"], "there is no such file or folder");
        IsIntact("run");

        using (Mount())
        {
            Images();
            GoesOn("run", settings);
        }

        void Images()
        {
            _workspace.Images(Path.Combine("mount", "train"), 256, 32);
            _workspace.Images(Path.Combine("mount", "test"), 64, 32);
        }
    }

    [Fact]
    public async Task AnImageThatVanishesIsNotReplacedByAnother()
    {
        string[] settings = Settings("train", "test");
        _workspace.Images("train", 256, 32);
        _workspace.Images("test", 64, 32);
        _workspace.Pretrain("whole", settings).Succeeds();
        var image = _workspace["train", "squares", "0101.png"];
        var bytes = await File.ReadAllBytesAsync(image, TestContext.Current.CancellationToken);
        Disturbed("run", settings, () =>
        {
            File.Delete(image);
            File.CreateSymbolicLink(image, "nowhere");
        }).IsOneLine(3, image, "this file is gone, or a link to nothing");
        Assert.False(File.Exists(_workspace["run", "unreadable.txt"]));

        File.Delete(image);
        await File.WriteAllBytesAsync(image, bytes, TestContext.Current.CancellationToken);
        GoesOn("run", settings);
    }

    [Fact]
    public async Task AParquetFileWhoseMountVanishesIsReadToTheEnd()
    {
        string[] settings = Settings("mount/train.parquet", "mount/test.parquet");
        using var mount = Mount();
        await ParquetFiles.WriteImages(_workspace["mount", "train.parquet"], 256);
        await ParquetFiles.WriteImages(_workspace["mount", "test.parquet"], 64);
        _workspace.Pretrain("whole", settings).Succeeds();
        Disturbed("run", settings, mount.Vanish).Succeeds();
        _workspace.IsTheSame("whole", "run");
    }

    [Fact]
    public async Task AParquetFileThatIsReplacedIsReadToTheEnd()
    {
        var settings = await Parquet();
        Disturbed("run", settings, () =>
        {
            File.Copy(_workspace["test.parquet"], _workspace["other.parquet"]);
            File.Move(_workspace["other.parquet"], _workspace["train.parquet"], overwrite: true);
        }).Succeeds();
        _workspace.IsTheSame("whole", "run");
    }

    [Fact]
    public async Task AParquetFileThatIsCutOff()
    {
        var settings = await Parquet();
        var path = _workspace["train.parquet"];
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        Disturbed("run", settings, () => File.WriteAllBytes(path, bytes[..100_000])).IsOneLine(
            3, path, FormattableString.Invariant($"has changed since it was opened (length {bytes.Length:N0} then, 100,000 now)"),
            "put the file back as it was and give the same command again, nothing is lost");
        IsIntact("run");

        _workspace.Pretrain("run", settings).IsOneLine(3, path, "a truncated or a damaged one (its end is missing); get it again");
        IsIntact("run");

        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);
        GoesOn("run", settings);
    }

    [Fact]
    public async Task AParquetFileThatIsWrittenAgain()
    {
        var settings = await Parquet();
        var path = _workspace["train.parquet"];
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        Disturbed("run", settings, () => File.WriteAllBytes(path, Array.ConvertAll(bytes, value => value == 61 ? (byte)16 : value)))
            .IsOneLine(3, path, "has changed since it was opened (written at ");
        IsIntact("run");

        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);
        GoesOn("run", settings);
    }

    private TemporaryMount Mount() => TemporaryMount.Create(_workspace["mount"], "size=64m");

    /// <summary>Every image is read again in every epoch, and what cannot be decoded may be skipped.</summary>
    private static string[] Settings(string train, string test) =>
    [
        "--set", $"data.path={train}", "--set", "data.limit=", "--set", "data.cacheMegabytes=1", "--set", "data.decodedCacheMegabytes=0",
        "--set", "data.onUnreadable=skip", "--set", $"evaluation.test.path={test}",
    ];

    /// <summary>Parquet files larger than the cache, and a run over them that is not disturbed.</summary>
    private async Task<string[]> Parquet()
    {
        await ParquetFiles.WriteImages(_workspace["train.parquet"], 256);
        await ParquetFiles.WriteImages(_workspace["test.parquet"], 64);
        var settings = Settings("train.parquet", "test.parquet");
        _workspace.Pretrain("whole", settings).Succeeds();
        return settings;
    }

    /// <summary>Lets something happen in the middle of a run, which stands still meanwhile.</summary>
    private Outcome Disturbed(string run, string[] settings, Action disturb)
    {
        using var process = _workspace.Start(run, settings);
        process.WaitForLines(_workspace[run, "metrics.jsonl"], 8);
        process.Signal("STOP");
        disturb();
        process.Signal("CONT");
        return process.Wait();
    }

    /// <summary>Its checkpoints are whole, and nothing half-written lies beside them.</summary>
    private void IsIntact(string run)
    {
        var checkpoints = Directory.EnumerateDirectories(_workspace[run, "checkpoints"]).ToArray();
        Assert.NotEmpty(checkpoints);
        Assert.All(checkpoints, checkpoint => Assert.True(File.Exists(Path.Combine(checkpoint, "manifest.json")), checkpoint));
        Assert.False(File.Exists(_workspace[run, "result.json"]));
    }

    /// <summary>The same command ends as if nothing had been.</summary>
    private void GoesOn(string run, string[] settings)
    {
        Assert.Contains("goes on after step", _workspace.Pretrain(run, settings).Succeeds().Output, StringComparison.Ordinal);
        _workspace.IsTheSame("whole", run);
    }
}
