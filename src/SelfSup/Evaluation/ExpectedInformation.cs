namespace SelfSup.Evaluation;

/// <summary>
/// The mutual information that random clusters of given sizes have with classes of given sizes, exactly (Vinh et al. 2010,
/// equation 24): the mean over the hypergeometric distribution of what a class and a cluster share.
/// </summary>
/// <remarks>
/// Probabilities follow from each other by ratios, from the likeliest number to both sides until nothing more is added, and are
/// divided by their sum. Logarithms of factorials, by which they are commonly had, lose nine digits at a million images; and
/// sizes that occur often are worked out once.
/// </remarks>
internal static class ExpectedInformation
{
    private const double Negligible = 1e-20; // of the likeliest

    /// <param name="classes">The sizes of the classes.</param>
    /// <param name="clusters">The sizes of the clusters; the same sum.</param>
    public static double Of(IReadOnlyList<int> classes, IReadOnlyList<int> clusters)
    {
        long all = classes.Sum(size => (long)size);
        var sum = 0.0;
        foreach (var (a, times) in classes.CountBy(size => size))
        {
            foreach (var (b, timesB) in clusters.CountBy(size => size))
            {
                sum += (double)times * timesB * Mean(a, b, all);
            }
        }

        return sum;
    }

    // The mean of k / n log(n k / (a b)) for k of b balls of which a of n are black.
    private static double Mean(long a, long b, long n)
    {
        var (lowest, highest) = (Math.Max(0, a + b - n), Math.Min(a, b));
        var mode = Math.Clamp((long)((a + 1.0) * (b + 1.0) / (n + 2.0)), lowest, highest);
        var (weights, terms) = (1.0, Term(mode));
        var weight = 1.0;
        for (var k = mode; k < highest && weight > Negligible; k++)
        {
            weight *= (double)(a - k) / (k + 1) * ((double)(b - k) / (n - a - b + k + 1));
            weights += weight;
            terms += weight * Term(k + 1);
        }

        weight = 1.0;
        for (var k = mode; k > lowest && weight > Negligible; k--)
        {
            weight *= (double)k / (a - k + 1) * ((double)(n - a - b + k) / (b - k + 1));
            weights += weight;
            terms += weight * Term(k - 1);
        }

        return terms / weights;

        double Term(long k) => k == 0 ? 0 : (double)k / n * Math.Log((double)k / a * ((double)n / b));
    }
}
