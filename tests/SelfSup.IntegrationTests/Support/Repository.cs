using System.Runtime.CompilerServices;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    /// <summary>The clone.</summary>
    public static string Path => Root();

    public static string Recipes => Combine("recipes");

    public static string TrainImages => Combine("recipes", "data", "fashion-mnist", "train.parquet");

    public static string TestImages => Combine("recipes", "data", "fashion-mnist", "test.parquet");

    /// <summary>The sample of a method of one's own.</summary>
    public static string OwnMethod => Combine("samples", "own-method");

    public static string OwnMethodRecipe => Combine("samples", "own-method", "align-uniform.yaml");

    /// <summary>A checkpoint as version 0.1.0 wrote it: the tenth step of the workspace's recipe.</summary>
    public static string OlderCheckpoint => Combine("tests", "SelfSup.IntegrationTests", "Fixtures", "checkpoint-layout-1");

    /// <summary>The field's reference for the loss over two processes.</summary>
    public static string DistributedGolden => Combine("tests", "SelfSup.Tests", "Golden", "ntxent_distributed.json");

    /// <summary>TensorBoard's schema of event files.</summary>
    public static string TensorBoardProtos => Combine("src", "SelfSup", "Telemetry", "TensorBoard", "Protos");

    private static string Combine(params string[] parts) => System.IO.Path.Combine([Root(), .. parts]);

    private static string Root([CallerFilePath] string here = "") =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", "..", ".."));
}
