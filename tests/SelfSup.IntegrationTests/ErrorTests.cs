using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>Every mistake gives one clear line and the right exit code, and loses nothing that was there.</summary>
public sealed class ErrorTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AMisspeltKey()
    {
        Replace("epochs: 3", "epoch: 3");
        _workspace.Pretrain("run").IsOneLine(2, "tiny.yaml(12): training.epoch: no such setting; did you mean training.epochs?");
        Assert.False(Directory.Exists(_workspace["run"]));
    }

    [Fact]
    public void AWrongType() => _workspace.Pretrain("run", "--set", "training.epochs=many")
        .IsOneLine(2, "--set: training.epochs: must be a whole number, is 'many'");

    [Fact]
    public void AnUnknownVerbOrFlag()
    {
        var outcome = _workspace.Run("pretrian");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("pretrian", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmptyFolder()
    {
        Directory.CreateDirectory(_workspace["empty"]);
        _workspace.Pretrain("run", "--set", "data.path=empty").IsOneLine(3, _workspace["empty"]);
    }

    [Fact]
    public void AFolderOfTextFiles()
    {
        Directory.CreateDirectory(_workspace["texts"]);
        File.WriteAllText(_workspace["texts", "a.txt"], "no image");
        File.WriteAllText(_workspace["texts", "b.txt"], "no image");
        _workspace.Pretrain("run", "--set", "data.path=texts").IsOneLine(3, _workspace["texts"], ".txt");
    }

    [Fact]
    public void APathThatDoesNotExist() =>
        _workspace.Pretrain("run", "--set", "data.path=nowhere").IsOneLine(3, _workspace["nowhere"]);

    [Fact]
    public void ATextFileInPlaceOfParquet()
    {
        File.WriteAllText(_workspace["a.parquet"], "no Parquet");
        _workspace.Pretrain("run", "--set", "data.path=a.parquet").IsOneLine(3, _workspace["a.parquet"]);
    }

    [Fact]
    public async Task AParquetWithoutImages()
    {
        var path = _workspace["numbers.parquet"];
        await ParquetFiles.WriteNumbers(path);
        _workspace.Pretrain("run", "--set", "data.path=numbers.parquet").IsOneLine(3, path, "image");
    }

    [Fact]
    public void ATruncatedJpegFailsOrIsSkippedAndListed()
    {
        var images = _workspace.Images("pictures", 40, 32);
        var broken = Path.Combine(images, "circles", "broken.jpg");
        File.WriteAllBytes(broken, Convert.FromBase64String("/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgK"));
        string[] settings = ["--set", $"data.path={images}", "--set", "data.limit=", "--set", "training.globalBatchSize=16", "--set", "training.maxSteps=3", "--set", "evaluation.test="];

        _workspace.Pretrain("fails", settings).IsOneLine(3, broken, "data.onUnreadable: skip");

        _workspace.Pretrain("skips", [.. settings, "--set", "data.onUnreadable=skip"]).Succeeds();
        Assert.Contains(broken, File.ReadAllText(_workspace["skips", "unreadable.txt"]), StringComparison.Ordinal);
        Assert.Contains("\"unreadableImages\": 1", File.ReadAllText(_workspace["skips", "result.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void MoreImagesInABatchThanThereAre() => _workspace.Pretrain("run", "--set", "training.globalBatchSize=300")
        .IsOneLine(2, "training.globalBatchSize", "300", "256");

    [Fact]
    public void ArithmeticThatThisDeviceLacks() => _workspace.Pretrain("run", "--set", "training.precision=tf32", "--set", "training.device=cpu")
        .IsOneLine(2, "training.precision", "tf32", "float32 or bfloat16");

    [Fact]
    public void AnUnwritableRunDirectory()
    {
        File.WriteAllText(_workspace["file"], "what was there");
        _workspace.Pretrain(Path.Combine("file", "run")).IsOneLine(2, "the run directory cannot be", "--run");
        Assert.Equal("what was there", File.ReadAllText(_workspace["file"]));
    }

    [Fact]
    public void AReadOnlyRunDirectory()
    {
        using var mount = Mount("ro", "size=1m,ro");
        _workspace.Pretrain(mount.Path).IsOneLine(2, mount.Path, "the run directory cannot be written", "--run");
    }

    [Fact]
    public void AFullDisk()
    {
        using var mount = Mount("full", "size=1m");
        var run = Path.Combine(mount.Path, "run");
        string[] settings = ["--set", "checkpoint.everySteps=1", "--set", "checkpoint.keep=99", "--set", "checkpoint.retryMinutes=0"];
        var outcome = _workspace.Pretrain(run, settings);
        outcome.IsOneLine(5, "the checkpoint cannot be written", "No space left on device", "give the same command again", "step-");
        Assert.DoesNotContain(Directory.EnumerateDirectories(Path.Combine(run, "checkpoints")), d => d.EndsWith(".tmp", StringComparison.Ordinal));
        var before = Snapshot(Path.Combine("full", "run"));

        // With room again the same command goes on, from checkpoints that are all still there and whole.
        mount.Change("size=64m");
        var resumed = _workspace.Pretrain(run, settings).Succeeds();
        Assert.Contains("goes on after step", resumed.Output, StringComparison.Ordinal);
        var after = Snapshot(Path.Combine("full", "run"));
        Assert.All(before.Keys.Where(f => f.Contains("step-", StringComparison.Ordinal)), f => Assert.Equal(before[f], after[f]));
    }

    [Fact]
    public void ADiskThatIsFullFromTheStart()
    {
        using var mount = Mount("full", "size=64k");
        File.WriteAllBytes(Path.Combine(mount.Path, "filler"), new byte[60 << 10]);
        var outcome = _workspace.Pretrain(Path.Combine(mount.Path, "run"));
        Assert.Equal(5, outcome.ExitCode);
        Assert.Contains("No space left on device", outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ACheckpointOfAnotherRecipe()
    {
        _workspace.Pretrain("run").Succeeds();
        var before = Snapshot("run");
        _workspace.Pretrain("run", "--set", "method.temperature=0.3", "--set", "optimizer.momentum=0.8").IsOneLine(
            4, "another recipe", "method.temperature was 0.2, is 0.3", "optimizer.momentum was 0.9, is 0.8", "--run");
        Assert.Equal(before, Snapshot("run"));
    }

    [Fact]
    public void ACorruptedCheckpoint()
    {
        _workspace.Pretrain("run").Succeeds();
        foreach (var state in Directory.EnumerateFiles(_workspace["run", "checkpoints"], "state.safetensors", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(state);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(state, bytes);
        }

        var before = Snapshot("run");
        _workspace.Pretrain("run").IsOneLine(4, $"step-{Workspace.Steps:D8}", "damaged", "checksum", "--run");
        Assert.Equal(before, Snapshot("run"));
    }

    [Fact]
    public void AFinishedRunWithoutItsCheckpoints()
    {
        _workspace.Pretrain("run", "--set", "training.maxSteps=1").Succeeds();
        Directory.Delete(_workspace["run", "checkpoints"], recursive: true);
        var before = Snapshot("run");
        _workspace.Run("resume", "run").IsOneLine(4, "the run is finished", "its checkpoints are gone", "--run");
        Assert.Equal(before, Snapshot("run"));
    }

    [Fact]
    public void OtherDataAtTheSamePath()
    {
        File.Copy(Repository.TrainImages, _workspace["d.parquet"]);
        string[] settings = ["--set", "data.path=d.parquet", "--set", "data.limit=", "--set", "training.maxSteps=2"];
        _workspace.Pretrain("run", settings).Succeeds();
        File.Copy(Repository.TestImages, _workspace["d.parquet"], overwrite: true);
        _workspace.Pretrain("run", settings).IsOneLine(4, "data (images found) was 10000, is 2000");
    }

    [Fact]
    public void TwoProcessesInOneRunDirectory()
    {
        using var first = _workspace.Start("run");
        first.WaitForLines(_workspace["run", "metrics.jsonl"], 1);
        _workspace.Pretrain("run").IsOneLine(2, "in use by process", "--run");
    }

    [Fact]
    public void AnEnvironmentVariableIsASetting() => SelfSupProcess
        .Run(_workspace["."], ("SELFSUP__TRAINING__EPOCHS", "none"), "pretrain", "tiny.yaml")
        .IsOneLine(2, "environment variable SELFSUP__TRAINING__EPOCHS: training.epochs: must be a whole number, is 'none'");

    [Fact]
    public void AWrongFolderOfLibtorch() => SelfSupProcess
        .Run(_workspace["."], ("SELFSUP_LIBTORCH", "/nowhere"), "pretrain", "tiny.yaml")
        .IsOneLine(2, "SELFSUP_LIBTORCH: ", "libc10.so does not exist; name the folder that holds libtorch_cpu.so");

    [Fact]
    public void VerbsThatJudgeRefuseWhatMakesNoSense()
    {
        _workspace.Pretrain("run", "--set", "training.maxSteps=1").Succeeds();
        _workspace.Run("knn", "run", "-k", "0").IsOneLine(2, "knn: neighbours: must be at least 1, is 0");
        _workspace.Run("knn", "run", "--train-limit", "0").IsOneLine(2, "--train: limit: must be at least 1, is 0");
        _workspace.Run("knn", "run", "--threads", "0").IsOneLine(2, "--threads: threads: must be from 1 to 1024, is 0");
        _workspace.Run("knn", "nothing").IsOneLine(2, "nothing: does not exist");
        _workspace.Run("knn", ".").IsOneLine(2, "is not a run directory");
        _workspace.Run("knn", "run", "--json", "/nowhere/x.json").IsOneLine(2, "--json /nowhere/x.json: cannot be written");
        _workspace.Run("linear-probe", "run", "--C", "-1").IsOneLine(2, "linear-probe: c: must be greater than 0, is -1");
        _workspace.Run("linear-probe", "run", "--protocol", "sgd", "--epochs", "0").IsOneLine(2, "linear-probe: epochs: must be at least 1, is 0");
        _workspace.Run("views", "tiny.yaml", "--out", "/nowhere/x.png").IsOneLine(2, "--out /nowhere/x.png: cannot be written");
        _workspace.Run("linear-probe", "run", "--epochs", "3").IsOneLine(2, "--epochs: has no effect with --protocol lbfgs");
        _workspace.Run("knn", "run", "--temperature", "0").IsOneLine(2, "knn: temperature: must be at least 0.01, is 0");
        File.WriteAllText(_workspace["x.safetensors"], "no tensors");
        _workspace.Run("knn", "x.safetensors").IsOneLine(4, "x.safetensors: not a whole safetensors file");
    }

    [Fact]
    public void EveryVerbHelpsWithAnExample()
    {
        Assert.Contains("selfsup pretrain recipes/quickstart.yaml", _workspace.Run("--help").Succeeds().Output, StringComparison.Ordinal);
        foreach (var verb in new[] { "pretrain", "resume", "views", "knn", "linear-probe", "stacks" })
        {
            Assert.Contains($"Example: selfsup {verb} ", _workspace.Run(verb, "--help").Succeeds().Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        }
    }

    private TemporaryMount Mount(string name, string options) => TemporaryMount.Create(_workspace[name], options);

    private void Replace(string old, string now) => File.WriteAllText(
        _workspace["tiny.yaml"], File.ReadAllText(_workspace["tiny.yaml"]).Replace(old, now, StringComparison.Ordinal));

    /// <summary>Every file of a run with its content, but for the lock.</summary>
    private Dictionary<string, string> Snapshot(string run) => Directory
        .EnumerateFiles(_workspace[run], "*", SearchOption.AllDirectories)
        .Where(f => !f.EndsWith("run.lock", StringComparison.Ordinal))
        .ToDictionary(f => f, f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))));
}
