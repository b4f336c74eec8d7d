namespace SelfSup.Evaluation;

/// <summary>A mean of independent values and how far it may be from what more of them would give.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="HalfWidth">1.96 standard errors: half of the 95 % interval.</param>
internal sealed record MeanEstimate(double Mean, double HalfWidth)
{
    /// <summary>The lower end of the 95 % interval.</summary>
    public double Low => Mean - HalfWidth;

    /// <summary>The upper end of the 95 % interval.</summary>
    public double High => Mean + HalfWidth;

    /// <summary>Of at least two values.</summary>
    public static MeanEstimate Of(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        var variance = values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1);
        return new MeanEstimate(mean, 1.96 * Math.Sqrt(variance / values.Count));
    }
}
