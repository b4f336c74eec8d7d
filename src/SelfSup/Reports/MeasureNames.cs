namespace SelfSup.Reports;

/// <summary>What people call the values by which runs are judged.</summary>
internal static class MeasureNames
{
    // Those that stand for a run where there is room for one.
    private static readonly string[] _first = ["accuracy", "recallAt1", "knn"];

    /// <summary>A value's name in a line of text; charts.js has the same ones as titles.</summary>
    public static string Of(string key) => key switch
    {
        "knn" => "kNN",
        "knnTop5" => "kNN, top 5",
        "accuracyTop5" => "accuracy, top 5",
        "recallAt1" => "Recall@1",
        "rPrecision" => "R-precision",
        "mapAtR" => "MAP@R",
        _ => key,
    };

    /// <summary>Which of a run's values stands for it; null where there is none.</summary>
    public static string? First(IEnumerable<string> keys) => _first.FirstOrDefault(keys.ToHashSet().Contains) ?? keys.FirstOrDefault();
}
