using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Diagnostics;

/// <summary>What a batch's embeddings tell of the space, all made unit length first.</summary>
/// <param name="Alignment">The mean squared distance of the views of an image.</param>
/// <param name="Uniformity">Of view 1; 0 at collapse, about -4 at best.</param>
/// <param name="EffectiveRank">Of view 1, by RankMe.</param>
/// <param name="StandardDeviation">Of view 1, the mean over dimensions.</param>
/// <param name="PositiveSimilarity">The mean cosine of the views of an image.</param>
/// <param name="HardestNegativeSimilarity">
/// The mean over images of the largest cosine with another image's view 2, with labels of another class; no number where there is none.
/// </param>
/// <param name="Rows">How many images were looked at.</param>
/// <param name="Width">D.</param>
internal sealed record EmbeddingReport(
    double Alignment,
    double Uniformity,
    double EffectiveRank,
    double StandardDeviation,
    double PositiveSimilarity,
    double HardestNegativeSimilarity,
    long Rows,
    long Width)
{
    /// <summary>Below which effective rank embeddings tell nothing apart, if nothing else is said.</summary>
    public const double DefaultLeastRank = 1.25;

    // More rows than dimensions that matter; the time grows with their square.
    private const long MostRows = 1024;

    // Times sqrt(D), so that the number means the same in any width: unit rows that use the whole space have about 1.
    private const double LowestSpread = 0.02;

    /// <summary>The effective rank that embeddings have at least where they have not collapsed.</summary>
    public double LeastRank { get; init; } = DefaultLeastRank;

    /// <summary>Whether embeddings no longer tell images apart: they lie on one line, or are all the same.</summary>
    public bool IsCollapsed => Signal is not null;

    /// <summary>What shows the collapse, with its value; null where there is none.</summary>
    public string? Signal => SignalOf(EffectiveRank, StandardDeviation, Width, LeastRank);

    /// <summary>The measures by the names of metrics; without those that there is nothing to take of.</summary>
    public IReadOnlyDictionary<string, double> Measures => new Dictionary<string, double>
    {
        ["alignment"] = Alignment,
        ["uniformity"] = Uniformity,
        ["effectiveRank"] = EffectiveRank,
        ["standardDeviation"] = StandardDeviation,
        ["positiveSimilarity"] = PositiveSimilarity,
        ["hardestNegativeSimilarity"] = HardestNegativeSimilarity,
    }.Where(measure => !(measure.Key == "hardestNegativeSimilarity" && double.IsNaN(measure.Value))).ToDictionary();

    /// <summary>What shows a collapse, with its value, of measures as metrics have them; null where nothing does.</summary>
    /// <param name="effectiveRank">By RankMe.</param>
    /// <param name="standardDeviation">The mean over dimensions.</param>
    /// <param name="width">D.</param>
    /// <param name="leastRank">The effective rank that embeddings have at least where they have not collapsed.</param>
    public static string? SignalOf(double effectiveRank, double standardDeviation, long width, double leastRank = DefaultLeastRank) =>
        standardDeviation * Math.Sqrt(width) < LowestSpread ? $"constant output: standard deviation {standardDeviation:0e0} a dimension"
        : effectiveRank < leastRank ? $"effective rank {effectiveRank:0.00} of {width} dimensions"
        : null;

    /// <summary>Looks at up to 1,024 evenly spaced rows, without a graph. Reading the numbers waits for the device.</summary>
    /// <param name="first">Embeddings of view 1, of any length and element type, [N, D] with N at least 2.</param>
    /// <param name="second">Of view 2, in the same order, [N, D].</param>
    /// <param name="classes">
    /// The rows' classes, int64 [N], below 0 where one has none: rows of one class are no negatives of each other. Null where each is by
    /// itself.
    /// </param>
    /// <param name="leastRank">The effective rank that embeddings have at least where they have not collapsed.</param>
    public static EmbeddingReport Of(Tensor first, Tensor second, Tensor? classes = null, double leastRank = DefaultLeastRank)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (x, y) = (Sample(first), Sample(second));
        return new EmbeddingReport(
            EmbeddingSpace.Alignment(x, y).ToDouble(),
            EmbeddingSpace.Uniformity(x).ToDouble(),
            EmbeddingSpace.RankMe(x),
            EmbeddingSpace.MeanStandardDeviation(x),
            EmbeddingSpace.PositiveSimilarity(x, y),
            EmbeddingSpace.HardestNegativeSimilarity(x, y, classes is null ? null : Some(classes)),
            x.shape[0],
            x.shape[1])
        {
            LeastRank = leastRank,
        };
    }

    private static Tensor Sample(Tensor rows) => nn.functional.normalize(Some(rows).detach().to(float32), dim: 1);

    private static Tensor Some(Tensor rows)
    {
        var count = rows.shape[0];
        if (count > MostRows)
        {
            var which = (arange(MostRows, dtype: int64, device: rows.device) * count).div(MostRows, RoundingMode.floor);
            rows = rows.index_select(0, which);
        }

        return rows;
    }
}
