using System.Text.Json;

using SelfSup.IntegrationTests.Support;

using SkiaSharp;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup data pack</c> and <c>selfsup data inspect</c> as their users meet them.</summary>
public sealed class DataTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void HelpIsThereWithAndWithoutAVerb()
    {
        var help = _workspace.Run("data").Succeeds();
        Assert.Contains("inspect <path>", help.Output, StringComparison.Ordinal);
        Assert.Contains("pack <folder> <out>", help.Output, StringComparison.Ordinal);
        Assert.Contains("Example: selfsup data pack photos photos.parquet", Words(_workspace.Run("data", "pack", "--help")), StringComparison.Ordinal);
        Assert.Contains("Example: selfsup data inspect photos", Words(_workspace.Run("data", "inspect", "--help")), StringComparison.Ordinal);
        Assert.Equal(2, _workspace.Run("data", "pakc").ExitCode);
    }

    [Fact]
    public void AFolderIsPackedAndTrainedOn()
    {
        _workspace.Images("pictures", 64, 48);
        var packed = _workspace.Run("data", "pack", "pictures", "pictures.parquet", "--short-side", "32").Succeeds();
        Assert.Equal("pictures.parquet: 64 images, ", packed.Output[..29]);
        Assert.Equal("", packed.Error);
        var found = Inspect("pictures.parquet");
        Assert.Equal((64, 64, 32), (Number(found, "images"), Number(found, "formats", "JPEG"), Number(found, "width", "max")));
        Assert.Equal("circles", found.GetProperty("classes")[0].GetProperty("name").GetString());

        _workspace.Pretrain(
            "run", "--set", "data.path=pictures.parquet", "--set", "data.limit=", "--set", "training.maxSteps=2", "--set", "evaluation.test=").Succeeds();
    }

    [Fact]
    public void AKilledAndAStoppedPackGoOnAndAreByteIdentical()
    {
        string[] Command(string output) => ["data", "pack", Repository.TrainImages, output, "--shard-megabytes", "1", "--workers", "1"];
        _workspace.Run(Command("whole.parquet")).Succeeds();
        foreach (var (name, exitCode) in new[] { ("KILL", 137), ("INT", 130), ("TERM", 143) })
        {
            using (var process = SelfSupProcess.Start(_workspace["."], Command($"{name}.parquet")))
            {
                process.WaitForLines(_workspace[$"{name}.parquet.partial", "journal.json"], 1);
                process.Signal(name);
                var outcome = process.Wait();
                Assert.Equal(exitCode, outcome.ExitCode);
                if (name != "KILL")
                {
                    outcome.IsOneLine(exitCode, "stopped at ", " of 10,000 images; go on with the same command");
                }
            }

            Assert.Empty(Directory.EnumerateFiles(_workspace["."], $"{name}*"));
            var resumed = _workspace.Run(Command($"{name}.parquet")).Succeeds();
            Assert.Contains("goes on after ", resumed.Output, StringComparison.Ordinal);
            Assert.Equal(Shards("whole"), Shards(name));
        }
    }

    [Fact]
    public void AMissingFolder()
    {
        _workspace.Run("data", "pack", "nowhere", "out.parquet").IsOneLine(3, "nowhere: there is no such file or folder");
        _workspace.Run("data", "inspect", "nowhere").IsOneLine(3, "nowhere: there is no such file or folder");
        _workspace.Run("data", "inspect", "tiny.yaml").IsOneLine(3, "tiny.yaml: must be a folder of images");
    }

    [Fact]
    public void AnOutputThatExists()
    {
        _workspace.Images("pictures", 4, 16);
        File.WriteAllText(_workspace["out.parquet"], "what was there");
        _workspace.Run("data", "pack", "pictures", "out.parquet").IsOneLine(2, "out.parquet: exists already", "--overwrite");
        Assert.Equal("what was there", File.ReadAllText(_workspace["out.parquet"]));
        Assert.False(Directory.Exists(_workspace["out.parquet.partial"]));
        _workspace.Run("data", "pack", "pictures", "out.parquet", "--overwrite").Succeeds();
        Assert.Equal(4, Number(Inspect("out.parquet"), "images"));
    }

    [Fact]
    public void AnUnreadableImageFailsOrIsSkippedAndListed()
    {
        var broken = BadFiles();
        _workspace.Run("data", "pack", "pictures", "out.parquet").IsOneLine(3, "broken.jpg: this JPEG is truncated", "--on-unreadable skip");
        Assert.False(File.Exists(_workspace["out.parquet"]));

        var outcome = _workspace.Run("data", "pack", "pictures", "out.parquet", "--on-unreadable", "skip").Succeeds();
        Assert.Contains("out.parquet: 10 images", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("left out: 1 images, listed in out.parquet.unreadable.txt", outcome.Output, StringComparison.Ordinal);
        Assert.Equal([$"{broken}: this JPEG is truncated"], File.ReadAllLines(_workspace["out.parquet.unreadable.txt"]));
    }

    [Fact]
    public void AnOutputThatCannotBeWritten()
    {
        _workspace.Images("pictures", 4, 16);
        _workspace.Run("data", "pack", "pictures", "nowhere/out.parquet").IsOneLine(2, "nowhere/out.parquet: cannot be written");
        _workspace.Run("data", "pack", "pictures", "tiny.yaml/out.parquet").IsOneLine(2, "tiny.yaml/out.parquet: cannot be written");
        _workspace.Run("data", "pack", "pictures", "/proc/out.parquet").IsOneLine(2, "/proc/out.parquet.partial: cannot be written");
        _workspace.Run("data", "inspect", "pictures", "--sheet", "nowhere/sheet.png").IsOneLine(2, "--sheet nowhere/sheet.png: cannot be written");
    }

    [Fact]
    public void AFullDisk()
    {
        using var mount = TemporaryMount.Create(_workspace["full"], "size=3m");
        string[] command = ["data", "pack", Repository.TrainImages, Path.Combine(mount.Path, "out.parquet"), "--shard-megabytes", "1"];
        _workspace.Run(command).IsOneLine(5, "out.parquet: cannot be written", "No space left on device", "the same command again");
        mount.Change("size=20m");
        Assert.Contains("goes on after ", _workspace.Run(command).Succeeds().Output, StringComparison.Ordinal);
        _workspace.Run("data", "pack", Repository.TrainImages, "whole.parquet", "--shard-megabytes", "1").Succeeds();
        Assert.Equal(Shards("whole"), Shards(Path.Combine("full", "out")));
    }

    [Fact]
    public void FlagsThatMakeNoSense()
    {
        _workspace.Images("pictures", 4, 16);
        string[] pack = ["data", "pack", "pictures", "out.parquet"];
        _workspace.Run([.. pack, "--quality", "80"]).IsOneLine(2, "--quality: has no effect without --short-side");
        _workspace.Run([.. pack, "--short-side", "0"]).IsOneLine(2, "data pack: shortSide: must be from 1 to 16384, is 0");
        _workspace.Run([.. pack, "--workers", "0"]).IsOneLine(2, "data pack: workers: must be from 1 to 1024, is 0");
        _workspace.Run("data", "pack", "pictures", "out.zip").IsOneLine(2, "out.zip: the name of the output, must end in .parquet");
        _workspace.Run("data", "pack", "pictures", "pictures/out.parquet").IsOneLine(2, "lies in the folder of the images");
        _workspace.Run("data", "inspect", "pictures", "--images", "0").IsOneLine(2, "--images: must be from 1 to 1000, is 0");
        Assert.Equal(2, _workspace.Run([.. pack, "--order", "random"]).ExitCode);
    }

    [Fact]
    public void InspectOfFashionMnist()
    {
        var outcome = _workspace.Run("data", "inspect", Repository.TestImages, "--sheet", "sheet.png", "--images", "12").Succeeds();
        Assert.Equal("", outcome.Error);
        Assert.DoesNotContain('\e', outcome.Output);
        Assert.Contains("2,000 PNG", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("28 to 28, median 28", outcome.Output, StringComparison.Ordinal);
        Assert.Matches(@"Ankle boot +200 ", outcome.Output);
        Assert.Contains("sheet.png: 12 images", outcome.Output, StringComparison.Ordinal);
        using var sheet = SKBitmap.Decode(_workspace["sheet.png"]);
        Assert.Equal(32 + (4 * 170) - 10, sheet.Width);

        var found = Inspect(Repository.TestImages);
        Assert.Equal((2000, 0, 10), (Number(found, "images"), Number(found, "rowsWithoutImage"), found.GetProperty("classes").GetArrayLength()));
        Assert.Equal(0.287, found.GetProperty("mean")[0].GetDouble(), 2);
        Assert.Equal(0.353, found.GetProperty("standardDeviation")[2].GetDouble(), 2);
    }

    [Fact]
    public void InspectOfAFolderWithBadFiles()
    {
        var broken = BadFiles();
        var outcome = _workspace.Run("data", "inspect", "pictures").Succeeds();
        Assert.Contains($"unreadable: {broken}: this JPEG is truncated\n", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(1, Inspect("pictures").GetProperty("unreadable").GetArrayLength());
        Assert.Equal(11, Number(Inspect("pictures", "--quick"), "images"));
    }

    /// <summary>Ten images and a broken one; its path.</summary>
    private string BadFiles()
    {
        _workspace.Images("pictures", 10, 32);
        using var bitmap = new SKBitmap(64, 64);
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        File.WriteAllBytes(_workspace["pictures", "circles", "broken.jpg"], data.ToArray().AsSpan(0, (int)data.Size - 40));
        return Path.Combine("pictures", "circles", "broken.jpg");
    }

    private byte[][] Shards(string name) =>
    [
        .. Directory.EnumerateFiles(Path.GetDirectoryName(_workspace[name])!, $"{Path.GetFileName(name)}-*-of-*.parquet")
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes),
    ];

    private JsonElement Inspect(string path, params string[] more)
    {
        using var json = JsonDocument.Parse(_workspace.Run(["data", "inspect", path, "--json", .. more]).Succeeds().Output);
        return json.RootElement.Clone();
    }

    private static int Number(JsonElement found, params string[] path) =>
        path.Aggregate(found, (element, name) => element.GetProperty(name)).GetInt32();

    private static string Words(Outcome help) => help.Succeeds().Output.ReplaceLineEndings(" ");
}
