using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Diagnostics;
using SelfSup.Errors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

public sealed class RunHealthTests
{
    private static readonly EmbeddingReport _good = EmbeddingReport.Of(Numbers.Normal(32, 8), Numbers.Normal(32, 8));
    private static readonly EmbeddingReport _constant = EmbeddingReport.Of(ones(32, 8), ones(32, 8));
    private static readonly EmbeddingReport _line = EmbeddingReport.Of(Line(), Line());

    [Fact]
    public void ACollapseEndsTheRunWithItsSignalAndTheLastGoodCheckpoint()
    {
        var health = Health(stepsPerEpoch: 1);
        Look(health, 1, _good);
        health.Saved(10);
        Look(health, 11, _good);
        Look(health, 21, _constant);
        health.Saved(30); // of a network that has collapsed already
        Look(health, 31, _constant);
        Look(health, 41, _constant);
        Look(health, 51, _constant);
        var error = Assert.Throws<TrainingException>(() => Look(health, 61, _constant));
        Assert.StartsWith("embeddings have collapsed at step 61: constant output", error.Message, StringComparison.Ordinal);
        Assert.Contains("5 times in a row; the checkpoint of step 10 is from before", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, error.ExitCode);
    }

    [Fact]
    public void AnEffectiveRankOfOneIsACollapse()
    {
        var health = Health(stepsPerEpoch: 1);
        for (var step = 1; step <= 5; step++)
        {
            Look(health, step, _line); // the first is of the beginning and does not count
        }

        var error = Assert.Throws<TrainingException>(() => Look(health, 6, _line));
        Assert.Contains("effective rank 1.0", error.Message, StringComparison.Ordinal);
        Assert.Contains("there is no checkpoint from before", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACheckpointOfTheBeginningIsNotCalledGoodUnlessItWas()
    {
        var health = Health(stepsPerEpoch: 100);
        health.Saved(20); // a run that goes on: nobody has looked at it yet
        Look(health, 50, _constant);
        health.Saved(100);
        for (var step = 101; step <= 104; step++)
        {
            Look(health, step, _constant);
        }

        var error = Assert.Throws<TrainingException>(() => Look(health, 105, _constant));
        Assert.Contains("there is no checkpoint from before", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhoWatchesIsToldOfACollapsePastTheBeginningAndBeforeTheEnd()
    {
        var told = new List<bool>();
        var health = new RunHealth(Options(), new HeardProgress(), _ => { }, stepsPerEpoch: 100, told.Add);
        Look(health, 10, _constant);
        Look(health, 20, _constant);
        Look(health, 30, _constant); // networks begin so
        Look(health, 110, _constant);
        Look(health, 120, _good);
        Assert.DoesNotContain(true, told); // one look may see a bad batch
        told.Clear();
        for (var step = 130; step < 170; step += 10)
        {
            Look(health, step, _constant);
        }

        Assert.Throws<TrainingException>(() => Look(health, 170, _constant));
        Assert.Equal([false, true, true, true, true], told);
    }

    [Fact]
    public void OneGoodLookForgetsTheBadOnes()
    {
        var health = Health(stepsPerEpoch: 1);
        for (var step = 1; step < 100; step++)
        {
            Look(health, step, step % 5 == 0 ? _good : _constant);
        }
    }

    [Fact]
    public void ToldToGoOnItWarnsOnce()
    {
        var progress = new HeardProgress();
        var health = new RunHealth(Options(onCollapse: OnTrouble.GoOn), progress, _ => { }, stepsPerEpoch: 1);
        for (var step = 1; step < 100; step++)
        {
            Look(health, step, _constant);
        }

        Assert.Single(progress.Warnings, w => w.Contains("constant output", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(double.NaN, 1, "the loss is NaN")]
    [InlineData(1, double.PositiveInfinity, "the gradient is Infinity")]
    public void WhatIsNoNumberEndsTheRunAfterSoManyStepsInARow(double loss, double norm, string what)
    {
        var progress = new HeardProgress();
        var history = new List<RunEvent>();
        var health = new RunHealth(Options(), progress, history.Add, stepsPerEpoch: 1);
        health.Saved(10);
        for (var step = 12; step < 15; step++)
        {
            health.Look(new StepReport(step, loss, 0.1, norm), new RunState { Step = step - 1, Loss = 3.5 }, () => throw new InvalidOperationException());
        }

        Assert.Equal($"{what} at step 13; the step is left out (2 in a row, training.skipNonFinite: 3)", progress.Warnings[1]);
        Assert.Equal(progress.Warnings, history.Select(e => e.Message));
        Assert.Equal([12, 13, 14], history.Select(e => e.Step!.Value));
        Assert.All(history, e => Assert.Equal(RunEventKind.StepSkipped, e.Event));
        var error = Assert.Throws<TrainingException>(() => health.Look(
            new StepReport(15, loss, 0.1, norm), new RunState { Step = 14, Loss = 3.5 }, () => "it comes out of the blue"));
        Assert.StartsWith(
            $"{what} at step 15, 4 steps in a row (last finite loss 3.5 at step 11); it comes out of the blue; lower the learning rate",
            error.Message,
            StringComparison.Ordinal);
        Assert.EndsWith("(training.skipNonFinite); the checkpoint of step 10 is intact", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, error.ExitCode);
        Assert.Equal(3, health.State.SkippedSteps);
    }

    [Fact]
    public void ToldToLeaveOutNoneItEndsAtTheFirst()
    {
        var health = new RunHealth(Options(skipNonFinite: 0), new HeardProgress(), _ => { }, stepsPerEpoch: 1);
        var error = Assert.Throws<TrainingException>(() => health.Look(new StepReport(1, double.NaN, 0.1, 1), new RunState()));
        Assert.StartsWith("the loss is NaN at step 1; lower the learning rate", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AStepThatIsANumberBeginsTheCountAnew()
    {
        var health = Health(stepsPerEpoch: 1);
        for (var step = 1; step <= 100; step++)
        {
            health.Look(new StepReport(step, step % 4 == 0 ? 1 : double.NaN, 0.1, 1), new RunState());
        }

        Assert.Equal((0, 75), (health.State.SkippedInARow, health.State.SkippedSteps));
    }

    [Fact]
    public void ALossThatJumpsIsSaidOnceInAWhile()
    {
        var progress = new HeardProgress();
        var history = new List<RunEvent>();
        var health = new RunHealth(Options(), progress, history.Add, stepsPerEpoch: 1);
        for (var step = 1; step <= 1000; step++)
        {
            var loss = step is 50 or 812 or 813 or 911 or 912 ? 9.1 : 6.9 + (0.05 * (step % 3 - 1));
            health.Look(new StepReport(step, loss, 0.1, 1), new RunState());
        }

        Assert.Equal([812, 912], history.Select(e => e.Step!.Value)); // at 50 nothing is known yet
        Assert.All(history, e => Assert.Equal(RunEventKind.LossSpiked, e.Event));
        Assert.Equal(progress.Warnings, history.Select(e => e.Message));
        Assert.Equal("the loss jumped to 9.1 at step 812 (about 6.9 ± 0.033 before)", progress.Warnings[0]);
    }

    /// <summary>Through JSON, as a manifest has it: what comes then is the same, message by message, wherever a run was stopped.</summary>
    [Fact]
    public void ARunThatGoesOnJudgesAsOneThatWasNeverStopped()
    {
        var (whole, end) = Judge(stops: []);
        Assert.Contains(whole, line => line.Contains("jumped to", StringComparison.Ordinal));
        Assert.Contains(whole, line => line.Contains("is left out (2 in a row", StringComparison.Ordinal));
        Assert.Contains("embeddings have collapsed at step 390", whole[^1], StringComparison.Ordinal);
        Assert.Contains("the checkpoint of step 340 is from before", whole[^1], StringComparison.Ordinal);
        foreach (var stop in new[] { 20, 140, 260, 280, 320, 360, 380 })
        {
            Assert.Equal(whole, Judge(stop).Lines);
        }

        var stopped = Judge(20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 320, 340, 360, 380);
        Assert.Equal(whole, stopped.Lines);
        Assert.Equal(end, stopped.End);
    }

    /// <summary>400 steps with numbers that are none, jumps and a collapse; a checkpoint at every twentieth, and stops at some of them.</summary>
    private static (List<string> Lines, HealthState End) Judge(params int[] stops)
    {
        var progress = new HeardProgress();
        RunHealth New() => new(Options(), progress, _ => { }, stepsPerEpoch: 1);
        var health = New();
        try
        {
            for (var step = 1; step <= 400; step++)
            {
                var noise = Math.Sin(step * 12.9898) * 0.3;
                var loss = step is 139 or 140 or 259 or 260 or 261 ? double.NaN : step is 150 or 250 or 275 or 385 ? 40 : (10.0 / step) + 5 + noise;
                health.Look(
                    new StepReport(step, loss, 0.1, 1) { Space = step % 10 == 0 ? step > 340 ? _constant : _good : null },
                    new RunState { Step = step - 1, Loss = 5 });
                if (step % 20 == 0)
                {
                    var saved = JsonSerializer.Serialize(health.State, CheckpointManifest.Json);
                    if (stops.Contains(step))
                    {
                        health = New();
                        health.Restore(JsonSerializer.Deserialize<HealthState>(saved, CheckpointManifest.Json));
                    }

                    health.Saved(step);
                }
            }
        }
        catch (TrainingException e)
        {
            progress.Warn(e.Message);
        }

        return (progress.Warnings, health.State);
    }

    private static Tensor Line() => arange(1, 33, dtype: float32).unsqueeze(1) * tensor(new[] { 1f, 2, 3, 4, 5, 6, 7, 8 }) * Signs();

    private static Tensor Signs() => (arange(32).remainder(2) * 2).sub(1).unsqueeze(1);

    private static TrainingRunOptions Options(OnTrouble onCollapse = OnTrouble.Stop, int skipNonFinite = 3) =>
        new(new CheckpointRetention(3, []), TimeSpan.Zero, 1, onCollapse, skipNonFinite);

    private static RunHealth Health(long stepsPerEpoch) => new(Options(), new HeardProgress(), _ => { }, stepsPerEpoch);

    private static void Look(RunHealth health, long step, EmbeddingReport space) =>
        health.Look(new StepReport(step, 1, 0.1, 1) { Space = space }, new RunState());
}
