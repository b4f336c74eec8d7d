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

    /// <summary>It is far back in the file; once it was found, it is not looked for again.</summary>
    [Theory]
    [InlineData(200)]
    [InlineData(5_000)]
    public void AnEvaluationOfLongAgoCountsForTheTimeLeft(int step)
    {
        Write("history.jsonl", History("started", 0));
        Write("metrics.jsonl", Steps(1, 20) + "{\"step\":20,\"epoch\":0.4,\"evaluation\":{\"knn\":0.25},\"evaluationSeconds\":7}\n" + Steps(21, step));
        Hold();
        _folder.Write("recipe.yaml", Recipe.Replace("epochs: 3", "epochs: 200", StringComparison.Ordinal));
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal(0.25, record.Summary.Evaluation["knn"]);
        Assert.Equal((7 * record.Plan!.EvaluationsFrom(step)) + ((10_000 - step) * 0.5), record.Pace!.Remaining!.Value.TotalSeconds, 1e-6);

        File.AppendAllText(_folder.File("metrics.jsonl"), Steps(step + 1, step + 200));
        Assert.Equal(7, RunRecord.Read(_folder.Path, Now, before: record).Summary.Tail.EvaluationSeconds);
    }

    /// <summary>It was judged while nobody looked, and again since its newest checkpoint.</summary>
    [Fact]
    public void TheNewestEvaluationCounts()
    {
        Write("history.jsonl", History("started", 0));
        Write("metrics.jsonl", Steps(1, 20) + "{\"step\":20,\"epoch\":0.4,\"evaluation\":{\"knn\":0.25},\"evaluationSeconds\":7}\n" + Steps(21, 400));
        Hold();
        _folder.Write("recipe.yaml", Recipe.Replace("epochs: 3", "epochs: 200", StringComparison.Ordinal));
        Checkpoint(step: 30, total: 10_000, """{"step":10,"values":{"knn":0.125}}""");
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal((0.25, 20L), (record.Summary.Evaluation["knn"], record.Summary.EvaluationStep));

        File.AppendAllText(_folder.File("metrics.jsonl"), "{\"step\":400,\"epoch\":8,\"evaluation\":{\"knn\":0.5},\"evaluationSeconds\":9}\n" + Steps(401, 900));
        record = RunRecord.Read(_folder.Path, Now, before: record);
        Assert.Equal((0.5, 400L, 9.0), (record.Summary.Evaluation["knn"], record.Summary.EvaluationStep, record.Summary.Tail.EvaluationSeconds));
    }

    /// <summary>Its newest checkpoint and its result are of before.</summary>
    [Fact]
    public void ARunThatWasGivenMoreEpochsHasTheirLengthAndPace()
    {
        Write("history.jsonl", History("started", 0) + History("resumed", 150));
        Write("metrics.jsonl", Steps(1, 160));
        Write("result.json", "{\"seconds\":77,\"imagesPerSecond\":1,\"skippedSteps\":3}");
        using var held = RunDirectory.Open(_folder.Path);
        _folder.Write("recipe.yaml", Recipe.Replace("epochs: 3", "epochs: 6", StringComparison.Ordinal));
        Checkpoint(step: 150, total: 150, "");
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal((RunStanding.Running, 160L, 300L), (record.Summary.State, record.Summary.Step, record.Summary.TotalSteps));
        Assert.InRange(record.Pace!.Remaining!.Value.TotalSeconds, 70, 100);
        var reported = new ReportedRun("run", record, MetricsSeries.Read(RunRecord.MetricsOf(_folder.Path)), null!);
        Assert.Equal((null, record.Pace.ImagesPerSecond, null), (reported.Seconds, reported.ImagesPerSecond!.Value, reported.Number("skippedSteps")));

        _folder.Write("recipe.yaml", Recipe); // of a tool that does not know: no time below none is left
        Assert.Equal(TimeSpan.Zero, RunRecord.Read(_folder.Path, Now).Pace!.Remaining);
    }

    /// <summary>Looks are rare: five of them are far apart.</summary>
    [Fact]
    public void ACollapseIsSaidHoweverRarelyItIsLookedAt()
    {
        Write("history.jsonl", History("started", 0));
        Write("metrics.jsonl", string.Concat(Enumerable.Range(1, 12).Select(i =>
            Steps((i * 100) - 99, i * 100) + $"{{\"step\":{i * 100},\"epoch\":{i * 2},\"embeddings\":{{\"effectiveRank\":1.1,\"standardDeviation\":0.1}}}}\n")));
        Hold();
        var record = RunRecord.Read(_folder.Path, Now);
        Assert.Equal(RunWarningKind.Collapsed, record.Warnings[0].Kind);
        Assert.Equal([800L, 900, 1000, 1100, 1200], record.Summary.Tail.Looks.Select(look => look.Step));

        File.AppendAllText(_folder.File("metrics.jsonl"), Steps(1201, 1300) + "{\"step\":1300,\"epoch\":26,\"embeddings\":{\"effectiveRank\":1.1,\"standardDeviation\":0.1}}\n" + Steps(1301, 1310));
        record = RunRecord.Read(_folder.Path, Now, before: record);
        Assert.Equal([900L, 1000, 1100, 1200, 1300], record.Summary.Tail.Looks.Select(look => look.Step));
    }

    /// <summary>Somebody has put them there.</summary>
    [Fact]
    public void OfLargeFilesAPartIsRead()
    {
        Write("metrics.jsonl", Steps(1, 30));
        Write("history.jsonl", string.Concat(Enumerable.Range(0, 100_000).Select(i => History("stepSkipped", i))));
        Write("run.holder", $"process 1 on {new string('x', 1 << 20)}");
        var checkpoint = Checkpoint(step: 10, total: 777, "");
        using (var manifest = new FileStream(checkpoint, FileMode.Open))
        {
            manifest.SetLength(3L << 30);
        }

        var record = RunRecord.Read(_folder.Path, Now);
        Assert.InRange(record.Summary.History.Count, 10_000, 60_000);
        Assert.Equal(99_999, record.Summary.History[^1].Step);
        Assert.InRange(record.Summary.Reason!.Length, 1, 4096);
        Assert.Equal(150, record.Summary.TotalSteps); // as the recipe says
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

    /// <summary>A checkpoint of the first layout, which has no checksum.</summary>
    private string Checkpoint(int step, int total, string evaluations) => _folder.Write($"checkpoints/step-{step:00000000}/manifest.json", $$"""
        {"schema":1,"step":{{step}},"totalSteps":{{total}},"epoch":{{step / 50}},"stepsPerEpoch":50,"written":"2026-01-01T00:00:00Z","recipeHash":"","recipe":{},
        "trainingSeconds":1,"seconds":1,"evaluations":[{{evaluations}}],"threads":1,"versions":{},"host":"h"}
        """);

    /// <summary>As a process of elsewhere does whose lock does not show.</summary>
    private void Hold() => Write("run.holder", "process 17 on another-machine");
}
