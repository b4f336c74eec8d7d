namespace SelfSup.IntegrationTests.Support;

/// <summary>Three steps of a recipe on the embedded images.</summary>
internal static class ShortRun
{
    public const int Steps = 3;

    /// <summary>The settings, <c>section.key=value</c>.</summary>
    public static string[] Settings { get; } =
    [
        "data.limit=256", "evaluation.test.limit=64", "evaluation.knn.neighbours=10", "training.globalBatchSize=32", "training.maxSteps=3",
        "encoder.width=0.25",
    ];

    /// <summary>The same for the command line.</summary>
    public static string[] Sets { get; } = [.. Settings.SelectMany(setting => new[] { "--set", setting })];
}
