using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>A run that learns nothing any more says so.</summary>
public sealed class CollapseTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    /// <summary>VICReg without what holds embeddings apart: the shortest way to agree is to be constant.</summary>
    [Fact]
    public void ACollapsedRunEndsWithItsSignal()
    {
        var recipe = _workspace["collapse.yaml"];
        File.WriteAllText(recipe, $$"""
            data: { path: {{_workspace.Images("pictures", 32, 32)}} }
            views:
              - randomResizedCrop: { size: 16, scale: [0.2, 1.0] }
            encoder:
              backbone: resnet20
              width: 0.25
              head: { layers: 1, output: 16, batchNorm: none }
            method: { name: vicreg, variance: 0, covariance: 0 }
            optimizer: { name: sgd, momentum: 0.9 }
            schedule: { name: constant, learningRate: 0.05 }
            training: { epochs: 400, globalBatchSize: 16 }
            telemetry: { embeddingsEverySteps: 2 }
            checkpoint: { everySteps: 2, everyEpochs: 1000 }
            """);
        var outcome = _workspace.Run("pretrain", recipe, "--run", "run");
        outcome.IsOneLine(5, "embeddings have collapsed at step", "5 times in a row", "training.onCollapse: goOn");
        Assert.Matches("constant output|effective rank 1.0", outcome.Error);
        Assert.Matches(@"the checkpoint of step \d+ is from before", outcome.Error);
        Assert.Contains("\"effectiveRank\"", File.ReadAllText(_workspace["run", "metrics.jsonl"]), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(_workspace["run"], "backbone*"));
    }

    [Fact]
    public void AMethodThatNeedsLabelsRefusesImagesWithoutAny()
    {
        var recipe = Path.Combine(Repository.Recipes, "supcon-cifar10-small.yaml");
        var images = Path.Combine(_workspace.Images("pictures", 16, 32), "circles"); // a folder without class folders
        _workspace.Run(
            "pretrain", recipe, "--run", "run", "--set", $"data.path={images}", "--set", "training.globalBatchSize=4", "--set", "evaluation.test=")
            .IsOneLine(3, "has no labels, supcon learns from them");
    }
}
