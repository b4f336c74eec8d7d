namespace SelfSup.Recipes;

/// <summary>
/// Settings as earlier versions had them: recipes that runs and exported files have kept stay readable, and mean what they
/// meant.
/// </summary>
internal static class FormerSettings
{
    /// <summary>Those that were part of a run's fingerprint, and are no longer.</summary>
    public static IReadOnlyList<string> OfFingerprints { get; } = ["training.onNonFinite"];

    /// <summary>Gives former settings the names and values of today.</summary>
    public static void Translate(RecipeNode root)
    {
        root.Rename("training", "onNonFinite", "skipNonFinite", value => value == "goOn" ? "2147483647" : "0");
        root.Rename("checkpoint", "keepBest", "bestBy", value => value == "false" ? "none" : "knn");
    }
}
