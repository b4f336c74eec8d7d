using System.Runtime.CompilerServices;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Files of the repository.</summary>
internal static class Repository
{
    public static string Recipes => Path.Combine(Root(), "recipes");

    public static string TrainImages => Path.Combine(Recipes, "data", "fashion-mnist", "train.parquet");

    public static string TestImages => Path.Combine(Recipes, "data", "fashion-mnist", "test.parquet");

    public static string OwnMethodRecipe => Path.Combine(Root(), "tools", "own-method", "align-uniform.yaml");

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
