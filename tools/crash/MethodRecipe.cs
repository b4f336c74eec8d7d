namespace SelfSup.Tools.Crash;

/// <summary>A small recipe for a method, with everything a run keeps: stores, key encoder, several checkpoints, evaluations.</summary>
internal static class MethodRecipe
{
    private static readonly Dictionary<string, string> _settings = new()
    {
        ["simclr"] = "temperature: 0.2",
        ["simclrMemory"] = "temperature: 0.5, queueLength: 96",
        ["moco"] = "temperature: 0.2, keyMomentum: 0.9, queueLength: 96",
        ["instanceDiscrimination"] = "temperature: 0.2, negatives: 32",
        ["swav"] = "prototypes: 12, queueLength: 48, queueFromEpoch: 1",
        ["nnclr"] = "temperature: 0.2, queueLength: 96, predictor: { hidden: 24 }",
        ["vicreg"] = "",
        ["barlowTwins"] = "",
        ["byol"] = "predictor: { hidden: 24 }",
        ["dino"] = "",
        ["pirl"] = "negatives: 32",
        ["mocoV3"] = "predictor: { hidden: 24 }",
    };

    /// <summary>Methods that there is a recipe for.</summary>
    public static IReadOnlyCollection<string> Methods => _settings.Keys;

    /// <summary>The images that come with the repository.</summary>
    public static string Images { get; } = Path.GetFullPath(
        Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "recipes", "data", "fashion-mnist"));

    /// <summary>The recipe's text: eight steps an epoch.</summary>
    /// <param name="method">The method.</param>
    /// <param name="images">The folder of Fashion-MNIST.</param>
    /// <param name="epochs">How long it is.</param>
    public static string Text(string method, string images, int epochs) => $$"""
        run: { seed: 5, threads: 1 }
        data: { path: {{images}}/train.parquet, limit: 256, workers: 1 }
        views:
          - randomResizedCrop: { size: 28, scale: [0.3, 1.0] }
          - horizontalFlip: { probability: 0.5 }
          - colorJitter: { probability: 0.8, brightness: 0.4, contrast: 0.4 }
          - normalize: { mean: [0.286, 0.286, 0.286], standardDeviation: [0.353, 0.353, 0.353] }
        encoder: { backbone: resnet20, width: 0.25, head: { hidden: 24, output: 16 } }
        method: { name: {{method}}{{(_settings[method] is { Length: > 0 } more ? ", " + more : "")}} }
        optimizer: { name: sgd, momentum: 0.9, weightDecay: 5.0e-4 }
        schedule: { name: cosine, learningRate: 0.02 }
        training: { epochs: {{epochs}}, globalBatchSize: 32, onCollapse: goOn }
        checkpoint: { everySteps: 3, keep: 2, keepEveryEpochs: 10 }
        evaluation:
          everyEpochs: 4
          test: { path: {{images}}/test.parquet, limit: 64 }
          knn: { neighbours: 10, temperature: 0.1 }
        """;
}
