using System.Globalization;

using SelfSup.Reports;
using SelfSup.Runs;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Reports;

public sealed class RunRecordTests : IDisposable
{
    private const string Recipe = """
        method: { name: simclr, temperature: 0.5 }
        encoder: { head: { output: 64 } }
        training: { epochs: 3, globalBatchSize: 32 }
        checkpoint: { everyEpochs: 1 }
        evaluation: { everyEpochs: 1 }
        """;

    private readonly TemporaryFolder _folder = new();

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public void Dispose() => _folder.Dispose();

    /// <summary>Throughput and time left are those that the run's own progress says, a resume and evaluations included.</summary>
    [Theory]
    [InlineData(0, 7)]
    [InlineData(0, 90)]
    [InlineData(40, 45)]
    [InlineData(40, 41)]
    [InlineData(40, 120)]
    public void ItsPaceIsWhatTheRunSays(int resumedAt, int step)
    {
        var plan = new TrainingPlan(32, 50, 150, 50, null, 50);
        var throughput = new Throughput(plan);
        throughput.Evaluation(4);
        StepProgress? said = null;
        Write("metrics.jsonl", "{\"step\":0,\"epoch\":0,\"evaluation\":{\"knn\":0.3},\"evaluationSeconds\":4}\n" + string.Concat(Enumerable.Range(1, step).Select(i =>
        {
            var (seconds, wait) = (0.5 + (i % 7 * 0.125), i % 3 * 0.0625);
            if (i > resumedAt)
            {
                throughput.Step(seconds, wait);
                said = throughput.After(new StepReport(i, 1, 0.1, 1));
            }

            return string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{i},\"epoch\":{plan.Epoch(i):0.######},\"loss\":2.5,\"stepSeconds\":{seconds},\"dataWaitSeconds\":{wait}}}\n");
        })));
        Write("history.jsonl", History("started", 0) + (resumedAt > 0 ? History("resumed", resumedAt) : ""));
        Hold();

        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal(RunStanding.Running, record.Summary.State);
        Assert.Equal(plan, record.Plan);
        Assert.Equal((step, 150, 2.5, "simclr"), (record.Summary.Step, record.Summary.TotalSteps, record.Summary.Loss, record.Method));
        Assert.Equal(said!.ImagesPerSecond, record.Pace!.ImagesPerSecond, 1e-9);
        Assert.Equal(said.WaitShare, record.Pace.WaitShare, 1e-9);
        Assert.Equal(said.Remaining, record.Pace.Remaining);
    }

    [Fact]
    public void ARunThatHasStoppedHasNoTimeLeft()
    {
        Write("metrics.jsonl", Steps(1, 30));
        Write("history.jsonl", History("started", 0) + "{\"event\":\"stopped\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":30,\"signal\":\"SIGTERM\"}\n");
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal((RunStanding.Interrupted, "SIGTERM"), (record.Summary.State, record.Summary.Reason));
        Assert.Null(record.Pace);
        Assert.Equal(150, record.Plan!.TotalSteps);
    }

    /// <summary>Its lock may not show here; what it writes does.</summary>
    [Fact]
    public void ARunOfAnotherMachineRunsWhileItGivesSignsOfLife()
    {
        Write("metrics.jsonl", Steps(1, 30));
        Write("history.jsonl", History("started", 0));
        Write("run.lock", "");
        Write("run.holder", "process 17 on another-machine");
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal((RunStanding.Running, "process 17 on another-machine"), (record.Summary.State, record.Summary.Reason));
        Assert.NotNull(record.Pace?.Remaining);
        Assert.Empty(record.Warnings);

        var silent = RunRecord.Read(_folder.Path, Now + TimeSpan.FromHours(1));
        Assert.Equal(RunStanding.Silent, silent.Summary.State);
        Assert.Contains("process 17 on another-machine", silent.Summary.Reason, StringComparison.Ordinal);
        Assert.Null(silent.Pace);
        Assert.Equal(RunWarningKind.Stalled, Assert.Single(silent.Warnings).Kind);

        // Somebody here saw it write, whatever the disk's clock says.
        Assert.Equal(RunStanding.Running, RunRecord.Read(_folder.Path, Now + TimeSpan.FromHours(1), Now + TimeSpan.FromMinutes(59)).Summary.State);

        Write("run.holder", $"process 17 on {Environment.MachineName}");
        Assert.Equal((RunStanding.Interrupted, "its process was killed"), (RunRecord.Read(_folder.Path, Now).Summary.State, RunRecord.Read(_folder.Path, Now).Summary.Reason));
    }

    [Fact]
    public void WhatIsToBeLookedAtIsSaid()
    {
        Write("history.jsonl", History("started", 0)
            + "{\"event\":\"lossSpiked\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":9,\"message\":\"the loss jumped to 9\"}\n"
            + "{\"event\":\"stepSkipped\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":11,\"message\":\"the loss is NaN\"}\n"
            + "{\"event\":\"stepSkipped\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":12,\"message\":\"the loss is NaN again\"}\n");
        Write("metrics.jsonl", Steps(1, 100, wait: 0.25) + string.Concat(Enumerable.Range(0, 5).Select(i =>
            $"{{\"step\":{101 + i},\"epoch\":2,\"embeddings\":{{\"effectiveRank\":1.1,\"standardDeviation\":0.1}}}}\n")));
        Hold();
        var warnings = RunRecord.Read(_folder.Path, Now).Warnings;
        Assert.Equal([RunWarningKind.Collapsed, RunWarningKind.DataStarved, RunWarningKind.Skipped, RunWarningKind.Spiked], warnings.Select(warning => warning.Kind));
        Assert.Contains("effective rank 1.10 of 64 dimensions", warnings[0].Message, StringComparison.Ordinal);
        Assert.StartsWith("50 % of its time", warnings[1].Message, StringComparison.Ordinal);
        Assert.Equal(("2 steps left out; the last: the loss is NaN again", 12L), (warnings[2].Message, warnings[2].Step!.Value));
        Assert.Equal("the loss jumped to 9", warnings[3].Message);

        File.AppendAllText(_folder.File("metrics.jsonl"), "{\"step\":110,\"epoch\":2.2,\"embeddings\":{\"effectiveRank\":20,\"standardDeviation\":0.1}}\n");
        Assert.DoesNotContain(RunRecord.Read(_folder.Path, Now).Warnings, warning => warning.Kind == RunWarningKind.Collapsed);
    }

    [Fact]
    public void AFolderOfNothingTellsNothing()
    {
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal(("", 0, 0), (record.Method, record.Settings.Count, record.Summary.History.Count));
        Assert.Null(record.Plan);
        Write("result.json", "{\"steps\":7,\"device\":\"cpu\",\"stores\":{}}");
        Assert.Equal("cpu", RunRecord.Read(_folder.Path, Now).Result["device"].GetString());
        Write("result.json", "[");
        Assert.Empty(RunRecord.Read(_folder.Path, Now).Result);
    }

    private static string History(string what, int step) => $"{{\"event\":\"{what}\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":{step},\"process\":1,\"host\":\"h\"}}\n";

    private static string Steps(int first, int last, double wait = 0) => string.Concat(Enumerable.Range(first, last - first + 1).Select(step =>
        string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{step / 50.0:0.######},\"loss\":2.5,\"stepSeconds\":0.5,\"dataWaitSeconds\":{wait}}}\n")));

    private void Write(string name, string text)
    {
        _folder.Write("recipe.yaml", Recipe);
        _folder.Write(name, text);
    }

    /// <summary>As a process of elsewhere does whose lock does not show.</summary>
    private void Hold() => Write("run.holder", "process 17 on another-machine");
}
