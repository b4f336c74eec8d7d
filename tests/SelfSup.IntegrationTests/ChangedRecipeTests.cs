using SelfSup.Checkpoints;
using SelfSup.IntegrationTests.Support;
using SelfSup.Training;

namespace SelfSup.IntegrationTests;

/// <summary>A run goes on under other settings only where they are named, and says so in its history.</summary>
public sealed class ChangedRecipeTests : IDisposable
{
    private static readonly string[] _changes = ["--set", "training.epochs=4", "--set", "optimizer.momentum=0.8"];

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void NamedChangesAreLetThroughAndRemembered()
    {
        Stop();
        _workspace.Pretrain("run", _changes).IsOneLine(
            4, "optimizer.momentum was 0.9, is 0.8; training.epochs was 3, is 4", "--allow-change optimizer.momentum training.epochs");
        _workspace.Pretrain("run", [.. _changes, "--allow-change", "training"]).IsOneLine(
            4, "another recipe or other images: optimizer.momentum was 0.9, is 0.8;");

        var outcome = _workspace.Pretrain("run", [.. _changes, "--allow-change", "training.epochs", "optimizer"]).Succeeds();
        Assert.Contains("goes on with another setting: training.epochs was 3, is 4", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("32 of 32", _workspace.Run("runs", "run").Succeeds().Output, StringComparison.Ordinal);
        var changes = _workspace.Files("run").History.Where(happened => happened.Event == RunEventKind.Changed).ToArray();
        Assert.Equal(2, changes.Length);
        Assert.Equal(("optimizer.momentum", "0.9", "0.8"), (changes[0].Key, changes[0].Was, changes[0].Is));

        // From then on these are the run's settings.
        Assert.Contains("is finished", _workspace.Run("resume", "run").Succeeds().Output, StringComparison.Ordinal);
        _workspace.Pretrain("run").IsOneLine(4, "optimizer.momentum was 0.8, is 0.9");
    }

    [Fact]
    public void AChangeIsKeptAlsoWhereTheProcessDiesAtOnce()
    {
        Stop();
        using (var process = _workspace.Start("run", [.. _changes, "--allow-change", "training.epochs", "optimizer"]))
        {
            process.WaitUntil(
                () => Directory.GetDirectories(_workspace["run", "checkpoints"], "*.2").Length > 0, "the changed recipe was not kept");
            process.Signal("KILL");
            process.Wait();
        }

        Assert.Contains("goes on after step", _workspace.Run("resume", "run").Succeeds().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatAStepMeansCannotChange()
    {
        Stop();
        _workspace.Pretrain("run", "--set", "training.globalBatchSize=64", "--allow-change", "training.globalBatchSize").IsOneLine(
            4, "training.globalBatchSize was 32, is 64: steps would be of other images", "init.from");
        _workspace.Pretrain("run", "--set", "training.epochs=1", "--allow-change", "training").IsOneLine(
            4, "steps are done and the run would have 8 (training.epochs was 3, is 1)");
    }

    [Fact]
    public void AStateThatDoesNotFitIsNamed()
    {
        Stop();
        _workspace.Pretrain("run", "--set", "encoder.head.output=8", "--allow-change", "encoder").IsOneLine(
            4, "head", "the run needs Float32 [8");
        Assert.Equal(0, _workspace.Run("runs", "verify", "run").ExitCode);
    }

    [Fact]
    public void ImagesMayMove()
    {
        string[] copied = ["--set", "data.path=here.parquet", "--set", "evaluation.test="];
        File.Copy(Repository.TrainImages, _workspace["here.parquet"]);
        Stop(copied);
        File.Move(_workspace["here.parquet"], _workspace["there.parquet"]);
        var outcome = _workspace.Pretrain("run", "--set", "data.path=there.parquet", "--set", "evaluation.test=").Succeeds();
        Assert.Contains("bit for bit", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherNumberOfThreadsIsSaid()
    {
        Stop();
        var outcome = _workspace.Pretrain("run", "--threads", "2").Succeeds();
        Assert.Contains("equal up to rounding", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("threads were 1, are 2 (the same with --set run.threads=1)", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(_workspace.Files("run").History, happened => happened.Exact == false);
    }

    [Fact]
    public void ACheckpointOfAnOlderVersionGoesOn()
    {
        var checkpoint = Directory.CreateDirectory(_workspace["run", "checkpoints", "step-00000010"]).FullName;
        foreach (var file in Directory.GetFiles(Repository.OlderCheckpoint))
        {
            File.Copy(file, Path.Combine(checkpoint, Path.GetFileName(file)));
        }

        File.WriteAllText(_workspace["run", "recipe.yaml"], "");
        Assert.Contains("whole", _workspace.Run("runs", "verify", "run").Succeeds().Output, StringComparison.Ordinal);
        var outcome = _workspace.Pretrain("run").Succeeds();
        Assert.Contains("goes on after step 10", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("another setting", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("\"schema\": 2", File.ReadAllText(_workspace["run", "checkpoints", "step-00000024", "manifest.json"]), StringComparison.Ordinal);
    }

    /// <summary>A run that was stopped in its second epoch.</summary>
    private void Stop(params string[] settings)
    {
        using var process = _workspace.Start("run", settings);
        process.WaitForLines(_workspace["run", "metrics.jsonl"], 13);
        process.Signal("TERM");
        Assert.Equal(143, process.Wait().ExitCode);
        Assert.NotEmpty(new CheckpointStore(_workspace["run", "checkpoints"]).Paths);
    }
}
