using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>A step whose loss is no number is left out; a run of nothing else ends, says where it comes from, and loses nothing.</summary>
public sealed class NumbersTests : IDisposable
{
    private readonly Workspace _workspace = new();

    private static string Assembly => Path.Combine(AppContext.BaseDirectory, "SelfSup.IntegrationTests.dll");

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AfterTwoBadStepsTheRunGoesOn()
    {
        var outcome = _workspace.Pretrain("run", With("at: [7, 8, 20]")).Succeeds();
        Assert.Equal(
            [
                "selfsup: warning: the loss is NaN at step 7; the step is left out (1 in a row, training.skipNonFinite: 3)",
                "selfsup: warning: the loss is NaN at step 8; the step is left out (2 in a row, training.skipNonFinite: 3)",
                "selfsup: warning: the loss is NaN at step 20; the step is left out (1 in a row, training.skipNonFinite: 3)",
            ],
            outcome.ErrorLines);
        Assert.Equal([7, 8, 20], Steps("stepSkipped"));
        using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace["run", "result.json"]));
        Assert.Equal(3, result.RootElement.GetProperty("skippedSteps").GetInt64());
        Assert.Equal(Workspace.Steps, result.RootElement.GetProperty("steps").GetInt64());
        Assert.True(double.IsFinite(result.RootElement.GetProperty("loss").GetDouble()));
    }

    [Fact]
    public void AfterTooManyItEndsAndTheCheckpointIsIntact()
    {
        var outcome = _workspace.Pretrain("run", With("from: 12"));
        Assert.Equal(5, outcome.ExitCode);
        Assert.Equal(4, outcome.ErrorLines.Length); // three were left out
        Assert.Matches(
            @"^selfsup: the loss is NaN at step 15, 4 steps in a row \(last finite loss [\d.]+ at step 11\); embeddings and targets are finite, "
            + @"the loss that the method makes of them is NaN; lower the learning rate, .*; the checkpoint of step 10 is intact$",
            outcome.ErrorLines[^1]);
        Assert.Equal([12, 13, 14], Steps("stepSkipped"));
        Assert.False(File.Exists(_workspace["run", "result.json"]));
        Assert.Contains("top-1", _workspace.Run("knn", "run", "--assembly", Assembly).Succeeds().Output, StringComparison.Ordinal);

        // The same command goes on from there, and ends in the same place.
        Assert.Equal(outcome.ErrorLines, _workspace.Pretrain("run", With("from: 12")).ErrorLines);

        // A patient one comes through.
        var patient = _workspace.Pretrain("run", [.. With("from: 12"), "--set", "training.skipNonFinite=100"]).Succeeds();
        Assert.Contains("goes on after step 10", patient.Output, StringComparison.Ordinal);
        Assert.Contains("\"skippedSteps\": 13", File.ReadAllText(_workspace["run", "result.json"]), StringComparison.Ordinal);
    }

    [Fact]
    public void WhereWeightsOverflowTheLayerIsNamed()
    {
        var outcome = _workspace.Pretrain("run", "--set", "training.skipNonFinite=0", "--set", "schedule.learningRate=3e37", "--set", "evaluation.test=");
        outcome.IsOneLine(5, "at step 2 (last finite loss ", "the first number that is none comes out of backbone.conv1 (", "; what goes in is finite, up to ");
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public void AStopInBetweenKeepsTheCountInARow(string signal)
    {
        string[] settings = [.. With("from: 4, milliseconds: 100"), "--set", "training.skipNonFinite=15"];
        using (var process = _workspace.Start("run", settings))
        {
            // With a checkpoint behind the second bad step.
            process.WaitUntil(() => Directory.Exists(_workspace["run", "checkpoints", "step-00000005"]), "there is no checkpoint");
            process.Signal(signal);
            Assert.Equal(signal == "TERM" ? 143 : 137, process.Wait().ExitCode);
        }

        var outcome = _workspace.Pretrain("run", settings);
        Assert.Equal(5, outcome.ExitCode);
        Assert.Contains("goes on after step ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("at step 19, 16 steps in a row (last finite loss ", outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Contains(" at step 3); ", outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(4, 15), Steps("stepSkipped").Distinct().Order());
    }

    [Fact]
    public void ALossThatJumpsIsSaid()
    {
        string[] settings = [.. With("spike: 130"), "--set", "training.epochs=18", "--set", "evaluation.everyEpochs=0"];
        var outcome = _workspace.Pretrain("run", settings).Succeeds();
        Assert.Matches(@"^selfsup: warning: the loss jumped to \d+(\.\d+)? at step 130 \(about [\d.]+ ± [\d.]+ before\)$", Assert.Single(outcome.ErrorLines));
        Assert.Equal([130], Steps("lossSpiked"));
    }

    private static string[] With(string options) => ["--assembly", Assembly, "--set", $"method={{ name: poisoned, {options} }}"];

    /// <summary>The steps of a kind of event.</summary>
    private List<int> Steps(string kind) =>
    [
        .. File.ReadLines(_workspace["run", "history.jsonl"])
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("event").GetString() == kind)
            .Select(line => line.GetProperty("step").GetInt32()),
    ];
}
