using System.Diagnostics;

using SelfSup.Checkpoints;
using SelfSup.IntegrationTests.Support;
using SelfSup.Tools.Crash;
using SelfSup.Training;

using TorchSharp;

namespace SelfSup.IntegrationTests;

/// <summary>
/// Four ranks, of which one is killed or stopped: the others end and say which, the run is started again, and ends as one to
/// which nothing happened.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class RankFailureTests(RankFailureTests.Undisturbed undisturbed) : IClassFixture<RankFailureTests.Undisturbed>
{
    private static readonly string[] _longer =
        ["--set", "training.epochs=12", "--set", "evaluation.everyEpochs=6", "--set", "checkpoint.everySteps=16", "--set", "ranks.silenceSeconds=4"];

    [Fact]
    public void AKilledRankEndsTheOthersAndTheRunGoesOnBitForBit()
    {
        using var process = undisturbed.Start("killed", "cpu:4", "--restarts", "2");
        var rank = undisturbed.WaitForRank(process, "killed", rank: 2, step: 20);
        var watch = Stopwatch.StartNew();
        SelfSupProcess.Signal("KILL", rank.Process);
        process.WaitForError("is gone, killed or crashed");
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
        process.WaitForError("it is started again");
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
        var outcome = process.Wait().Succeeds();
        Assert.Contains($"rank 2 (process {rank.Process} on {Environment.MachineName}) is gone, killed or crashed", outcome.Error, StringComparison.Ordinal);
        undisturbed.IsTheSame("killed");
    }

    [Fact]
    public void AStoppedRankIsGivenUpAndTheRunGoesOnBitForBit()
    {
        using var process = undisturbed.Start("stopped", "cpu:4", "--restarts", "2");
        var rank = undisturbed.WaitForRank(process, "stopped", rank: 1, step: 20);
        var watch = Stopwatch.StartNew();
        SelfSupProcess.Signal("STOP", rank.Process);
        process.WaitForError("is stopped (SIGSTOP) for 4 s");
        Assert.InRange(watch.Elapsed.TotalSeconds, 3, 30);
        var outcome = process.Wait().Succeeds();
        Assert.Contains($"rank 1 (process {rank.Process} on {Environment.MachineName}) is stopped", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists($"/proc/{rank.Process}"), "the stopped rank was left behind");
        undisturbed.IsTheSame("stopped");
    }

    /// <summary>The second time the same rank is lost, the run goes on without it: on two, as three do not divide the batch.</summary>
    [Fact]
    public void ARankThatIsLostAgainIsDoneWithoutAndTheRunEndsTheSameUpToRounding()
    {
        using var process = undisturbed.Start("fewer", "cpu:4", "--restarts", "3", "--ranks-min", "2");
        SelfSupProcess.Signal("KILL", undisturbed.WaitForRank(process, "fewer", rank: 3, step: 20).Process);
        process.WaitForError("restart 1 of 3");
        SelfSupProcess.Signal("KILL", undisturbed.WaitForRank(process, "fewer", rank: 3, step: 0).Process);
        var outcome = process.Wait().Succeeds();
        Assert.Contains("on 2 ranks", outcome.Error, StringComparison.Ordinal);
        var files = undisturbed.Files("fewer");
        Assert.Equal(2, files.History.Last(happened => happened.Event == RunEventKind.Resumed).Ranks);
        Assert.Contains(false, files.History.Where(happened => happened.Event == RunEventKind.Resumed).Select(happened => happened.Exact));
        Assert.InRange(undisturbed.Difference("fewer"), 0, 0.02);
    }

    /// <summary>Ranks are another number of hands for the same run: one, and two that do the rest.</summary>
    [Fact]
    public void ARunOfOneRankGoesOnOnSeveralAndBack()
    {
        undisturbed.Run("alone", null).Succeeds();
        undisturbed.Run("grown", null, "--set", "training.maxSteps=80").Succeeds();
        undisturbed.Run("grown", "cpu:2", "--allow-change", "training.maxSteps", "--set", "training.maxSteps=88").Succeeds();
        undisturbed.Run("grown", null, "--allow-change", "training.maxSteps").Succeeds();
        Assert.InRange(undisturbed.Difference("grown", from: "alone"), 0, 0.02); // rounding, which every step lets grow
    }

    /// <summary>Each rank has a quarter of the memory bank, and writes it; two take it over from four.</summary>
    [Fact]
    public void APartOfTheBankOfEachRankIsWrittenByItAndReadByOtherNumbersOfRanks()
    {
        using var workspace = new Workspace();
        File.WriteAllText(
            workspace["bank.yaml"],
            MethodRecipe.Text("instanceDiscrimination", Path.GetDirectoryName(Repository.TrainImages)!, epochs: 8)
                .Replace("negatives: 32", "negatives: 32, shardBank: true", StringComparison.Ordinal));
        string[] command = ["pretrain", "bank.yaml", "--devices", "cpu:4", "--set", "ranks.silenceSeconds=4", "--run"];
        workspace.Run([.. command, "whole"]).Succeeds();
        using (var process = SelfSupProcess.Start(workspace["."], [.. command, "killed", "--restarts", "1"]))
        {
            SelfSupProcess.Signal("KILL", Undisturbed.WaitForRankIn(process, workspace["killed"], rank: 1, step: 20).Process);
            process.Wait().Succeeds();
        }

        workspace.IsTheSame("whole", "killed");
        var newest = new CheckpointStore(workspace["killed", "checkpoints"]).Paths[^1];
        Assert.Equal(
            ["manifest.json", "shard-0-of-4.safetensors", "shard-1-of-4.safetensors", "shard-2-of-4.safetensors", "shard-3-of-4.safetensors", "state.safetensors"],
            Directory.EnumerateFiles(newest).Select(Path.GetFileName).Order());
        workspace.Run("runs", "verify", "killed").Succeeds();
        var goesOn = workspace.Run(
            "pretrain", "bank.yaml", "--devices", "cpu:2", "--run", "killed", "--set", "training.epochs=9", "--allow-change", "training.epochs").Succeeds();
        Assert.Contains("ranks were 4, are 2", goesOn.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void CtrlCStopsAllRanksWithOneCheckpointAndTheRunGoesOnBitForBit()
    {
        using (var process = undisturbed.Start("interrupted", "cpu:4"))
        {
            undisturbed.WaitForRank(process, "interrupted", rank: 0, step: 10);
            process.Signal("TERM");
            var outcome = process.Wait();
            Assert.Equal(143, outcome.ExitCode);
            Assert.Contains("with a checkpoint; resume with the same command", outcome.Error, StringComparison.Ordinal);
        }

        undisturbed.Run("interrupted", "cpu:4").Succeeds();
        undisturbed.IsTheSame("interrupted");
    }

    /// <summary>The same run of four ranks, to which nothing happens; made once.</summary>
    public sealed class Undisturbed : IDisposable
    {
        private readonly Workspace _workspace = new();

        public Undisturbed()
        {
            _ = Mpirun.Of(Mpirun.OpenMpi);
            Run("whole", "cpu:4").Succeeds();
        }

        internal SelfSupProcess Start(string run, string? devices, params string[] more) => _workspace.Start(run, Arguments(devices, more));

        internal Outcome Run(string run, string? devices, params string[] more) => _workspace.Pretrain(run, Arguments(devices, more));

        internal RunFiles Files(string run) => _workspace.Files(run);

        internal void IsTheSame(string run) => _workspace.IsTheSame("whole", run);

        /// <summary>A rank that has come so far, at this start of the run.</summary>
        internal RankSign WaitForRank(SelfSupProcess process, string run, int rank, long step) => WaitForRankIn(process, _workspace[run], rank, step);

        internal static RankSign WaitForRankIn(SelfSupProcess process, string directory, int rank, long step)
        {
            RankSign? found = null;
            process.WaitUntil(
                () => (found = RankSign.Newest(directory).FirstOrDefault(
                    sign => sign.Rank == rank && sign.Step >= step && Directory.Exists($"/proc/{sign.Process}"))) is not null,
                $"rank {rank} did not come to step {step}");
            return found ?? throw new InvalidOperationException($"the run ended before rank {rank} came to step {step}");
        }

        /// <summary>By how much the backbone's values differ at most, as a share of the largest.</summary>
        internal double Difference(string run, string from = "whole")
        {
            var (expected, actual) = (Backbone(from), Backbone(run));
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            var largest = expected.Max(entry => entry.Value.abs().max().ToDouble());
            return expected.Max(entry => (entry.Value - actual[entry.Key]).abs().max().ToDouble()) / largest;
        }

        public void Dispose() => _workspace.Dispose();

        private Dictionary<string, torch.Tensor> Backbone(string run) => SelfSup.Tensors.SafeTensors.Read(_workspace[run, "backbone.safetensors"], out _)
            .ToDictionary(entry => entry.Key, entry => entry.Value.to(torch.float64));

        private static string[] Arguments(string? devices, string[] more) => [.. devices is null ? Array.Empty<string>() : ["--devices", devices], .. _longer, .. more];
    }
}
