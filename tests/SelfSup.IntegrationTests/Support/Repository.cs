using System.Runtime.CompilerServices;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    public static string Recipes => Path.Combine(Root(), "recipes");

    public static string TrainImages => Path.Combine(Recipes, "data", "fashion-mnist", "train.parquet");

    public static string TestImages => Path.Combine(Recipes, "data", "fashion-mnist", "test.parquet");

    public static string OwnMethodRecipe => Path.Combine(Root(), "samples", "own-method", "align-uniform.yaml");

    /// <summary>A checkpoint as version 0.1.0 wrote it: the tenth step of the workspace's recipe.</summary>
    public static string OlderCheckpoint => Path.Combine(Root(), "tests", "SelfSup.IntegrationTests", "Fixtures", "checkpoint-layout-1");

    /// <summary>The field's reference for the loss over two processes.</summary>
    public static string DistributedGolden => Path.Combine(Root(), "tests", "SelfSup.Tests", "Golden", "ntxent_distributed.json");

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
