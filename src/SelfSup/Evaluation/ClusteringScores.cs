namespace SelfSup.Evaluation;

/// <summary>
/// How well clusters agree with classes, whatever they are called. Mutual information is in natural logarithms; values are
/// those of scikit-learn.
/// </summary>
internal sealed record ClusteringScores
{
    private const double Smallest = 2.220446049250313e-16; // between 1 and the next number

    /// <summary>Mutual information over the arithmetic mean of both entropies.</summary>
    public required double Nmi { get; init; }

    /// <summary>Over their geometric mean.</summary>
    public required double NmiGeometric { get; init; }

    /// <summary>Over the larger one.</summary>
    public required double NmiMax { get; init; }

    /// <summary>Over the smaller one.</summary>
    public required double NmiMin { get; init; }

    /// <summary>
    /// Mutual information beyond what chance gives, over the same of the arithmetic mean of the entropies (Vinh et al. 2010): 0
    /// for clusters that know nothing of the classes, however many they are.
    /// </summary>
    public required double Ami { get; init; }

    /// <summary>The share of pairs that are treated alike, beyond what chance gives (Hubert and Arabie 1985).</summary>
    public required double Ari { get; init; }

    /// <summary>The share of images that are of the commonest class of their cluster.</summary>
    public required double Purity { get; init; }

    /// <summary>Compares clusters with classes.</summary>
    /// <param name="labels">Of every image, the class.</param>
    /// <param name="clusters">Of every image, the cluster.</param>
    public static ClusteringScores Of(IReadOnlyList<long> labels, IReadOnlyList<long> clusters)
    {
        var counts = labels.Zip(clusters).CountBy(pair => pair).ToDictionary();
        var classes = labels.CountBy(label => label).ToDictionary();
        var groups = clusters.CountBy(cluster => cluster).ToDictionary();
        var all = (double)labels.Count;
        var purity = counts.GroupBy(pair => pair.Key.Second).Sum(g => g.Max(pair => pair.Value)) / all;
        var ari = AdjustedRand(labels.Count, [.. counts.Values], [.. classes.Values], [.. groups.Values]);
        if (classes.Count <= 1 && groups.Count <= 1)
        {
            return new() { Nmi = 1, NmiGeometric = 1, NmiMax = 1, NmiMin = 1, Ami = 1, Ari = ari, Purity = purity };
        }

        // sum n_ij / n log(n n_ij / (a_i b_j)); what is left of 0 by rounding is 0
        var information = counts.Sum(pair =>
            pair.Value / all * Math.Log(pair.Value * all / classes[pair.Key.First] / groups[pair.Key.Second]));
        information = information < Smallest ? 0 : information;
        var (first, second) = (Entropy(classes.Values, all), Entropy(groups.Values, all));
        double Normalised(double by) => information == 0 ? 0 : information / by;
        var expected = ExpectedInformation.Of([.. classes.Values], [.. groups.Values]);
        var room = ((first + second) / 2) - expected;
        return new()
        {
            Nmi = Normalised((first + second) / 2),
            NmiGeometric = Normalised(Math.Sqrt(first * second)),
            NmiMax = Normalised(Math.Max(first, second)),
            NmiMin = Normalised(Math.Min(first, second)),
            // Where every image is a class of its own there is no room but rounding.
            Ami = (information - expected) / (room < 0 ? Math.Min(room, -Smallest) : Math.Max(room, Smallest)),
            Ari = ari,
            Purity = purity,
        };
    }

    private static double Entropy(IEnumerable<int> counts, double all) => -counts.Sum(count => count / all * Math.Log(count / all));

    // In whole numbers: products of counts of pairs pass 2^64.
    private static double AdjustedRand(long all, int[] counts, int[] classes, int[] groups)
    {
        static Int128 Squares(int[] values) => values.Aggregate((Int128)0, (sum, value) => sum + ((Int128)value * value));
        var (both, ofClasses, ofGroups) = (Squares(counts), Squares(classes), Squares(groups));
        var together = both - all; // in one class and one cluster
        var (apartInGroups, apartInClasses) = (ofClasses - both, ofGroups - both);
        var apart = ((Int128)all * all) - ofClasses - ofGroups + both;
        if (apartInGroups == 0 && apartInClasses == 0)
        {
            return 1;
        }

        return 2 * (double)((together * apart) - (apartInGroups * apartInClasses))
            / (double)(((together + apartInGroups) * (apartInGroups + apart)) + ((together + apartInClasses) * (apartInClasses + apart)));
    }
}
