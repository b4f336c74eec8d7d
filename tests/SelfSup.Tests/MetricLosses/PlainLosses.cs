namespace SelfSup.Tests.MetricLosses;

/// <summary>The formulas of the papers in plain doubles: loops over pairs and triplets of a batch.</summary>
internal static class PlainLosses
{
    public delegate double Measure(double[] x, double[] y);

    public static double Euclidean(double[] x, double[] y) => Math.Sqrt(Squared(x, y));

    public static double Squared(double[] x, double[] y) => x.Zip(y, (a, b) => (a - b) * (a - b)).Sum();

    public static double Dot(double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    public static (List<(int A, int P)> Positive, List<(int A, int N)> Negative) Pairs(long[] labels)
    {
        var (positive, negative) = (new List<(int, int)>(), new List<(int, int)>());
        for (var a = 0; a < labels.Length; a++)
        {
            for (var b = 0; b < labels.Length; b++)
            {
                if (a != b && labels[a] == labels[b])
                {
                    positive.Add((a, b));
                }
                else if (labels[a] != labels[b])
                {
                    negative.Add((a, b));
                }
            }
        }

        return (positive, negative);
    }

    public static List<(int A, int P, int N)> Triplets(long[] labels) =>
        [.. from positive in Pairs(labels).Positive
            from negative in Pairs(labels).Negative
            where negative.A == positive.A
            select (positive.A, positive.P, negative.N)];

    public static double Mean(IEnumerable<double> losses, bool nonZero)
    {
        var counted = losses.Where(l => !nonZero || l > 0).ToArray();
        return counted.Length == 0 ? 0 : counted.Sum() / counted.Length;
    }

    public static double Contrastive(double[][] x, long[] labels, double positiveMargin, double negativeMargin, bool nonZero)
    {
        var (positive, negative) = Pairs(labels);
        return Mean(positive.Select(p => Math.Max(0, Euclidean(x[p.A], x[p.P]) - positiveMargin)), nonZero)
            + Mean(negative.Select(p => Math.Max(0, negativeMargin - Euclidean(x[p.A], x[p.N]))), nonZero);
    }

    public static double Triplet(double[][] x, long[] labels, Measure distance, double margin, bool soft, bool swap, bool nonZero) =>
        Mean(
            Triplets(labels).Select(t =>
            {
                var negative = distance(x[t.A], x[t.N]);
                negative = swap ? Math.Min(negative, distance(x[t.P], x[t.N])) : negative;
                var violation = distance(x[t.A], x[t.P]) - negative + margin;
                return soft ? Math.Log(1 + Math.Exp(violation)) : Math.Max(0, violation);
            }),
            nonZero);

    /// <summary>Sohn 2016, eq. 7.</summary>
    public static double NPair(double[][] anchors, double[][] positives) =>
        anchors.Select((a, i) => Math.Log(1 + positives.Where((_, j) => j != i).Sum(p => Math.Exp(Dot(a, p) - Dot(a, positives[i])))))
            .DefaultIfEmpty().Average();

    /// <summary>Song et al. 2016, eq. 4: over unordered pairs, divided by twice their number.</summary>
    public static double Lifted(double[][] x, long[] labels, double margin)
    {
        var (positive, negative) = Pairs(labels);
        var unordered = positive.Where(p => p.A < p.P).ToArray();
        return unordered.Length == 0 ? 0 : unordered.Sum(p =>
        {
            var sum = negative.Where(n => n.A == p.A || n.A == p.P).Sum(n => Math.Exp(margin - Euclidean(x[n.A], x[n.N])));
            return Math.Pow(Math.Max(0, Math.Log(sum) + Euclidean(x[p.A], x[p.P])), 2);
        }) / (2 * unordered.Length);
    }

    /// <summary>Hermans et al. 2017, eq. 8.</summary>
    public static double GeneralisedLifted(double[][] x, long[] labels, double margin) => PerAnchor(x, labels, (positives, negatives) =>
        Math.Max(0, Math.Log(positives.Sum(p => Math.Exp(Math.Sqrt(p.Squared)))) + Math.Log(negatives.Sum(n => Math.Exp(margin - Math.Sqrt(n.Squared))))))
        .DefaultIfEmpty().Average();

    /// <summary>Wang et al. 2019, eq. 9.</summary>
    public static double MultiSimilarity(double[][] x, long[] labels, double alpha, double beta, double lambda) => PerAnchor(
        x,
        labels,
        (positives, negatives) => (Math.Log(1 + positives.Sum(p => Math.Exp(-alpha * (p.Dot - lambda)))) / alpha)
            + (Math.Log(1 + negatives.Sum(n => Math.Exp(beta * (n.Dot - lambda)))) / beta)).Average();

    /// <summary>Sun et al. 2020, eq. 6 with 8: the product of the two sums.</summary>
    public static double Circle(double[][] x, long[] labels, double margin, double gamma, bool nonZero) => Mean(
        PerAnchor(x, labels, (positives, negatives) => Math.Log(1 + (
            negatives.Sum(n => Math.Exp(gamma * Math.Max(0, n.Dot + margin) * (n.Dot - margin)))
            * positives.Sum(p => Math.Exp(-gamma * Math.Max(0, 1 + margin - p.Dot) * (p.Dot - (1 - margin))))))),
        nonZero);

    /// <summary>One term for each ordered positive pair, with the anchor's negatives in the denominator.</summary>
    public static double NtXent(double[][] x, long[] labels, double temperature)
    {
        var (positive, negative) = Pairs(labels);
        return Mean(
            positive.Select(p =>
            {
                var own = Math.Exp(Dot(x[p.A], x[p.P]) / temperature);
                return -Math.Log(own / (own + negative.Where(n => n.A == p.A).Sum(n => Math.Exp(Dot(x[n.A], x[n.N]) / temperature))));
            }),
            nonZero: false);
    }

    /// <summary>Cakir et al. 2019, eq. 11, with triangular pulses about the middles of the bins.</summary>
    public static double FastAp(double[][] x, long[] labels, int bins)
    {
        var width = 4.0 / bins;
        var losses = PerAnchor(x, labels, (positives, negatives) =>
        {
            double Pulse(double distance, int bin) => Math.Max(0, 1 - (Math.Abs(distance - (bin * width)) / width));
            double precision = 0, sumOfPositives = 0, sum = 0;
            for (var bin = 0; bin <= bins; bin++)
            {
                var here = positives.Sum(p => Pulse(p.Squared, bin));
                sumOfPositives += here;
                sum += here + negatives.Sum(n => Pulse(n.Squared, bin));
                precision += sum > 0 ? here * sumOfPositives / sum : 0;
            }

            return positives.Count == 0 ? double.NaN : 1 - (precision / positives.Count);
        });
        return losses.Where(l => !double.IsNaN(l)).DefaultIfEmpty().Average();
    }

    /// <summary>Kim et al. 2019, eq. 1: over anchors and pairs of others.</summary>
    public static double LogRatio(double[][] x, double[] values)
    {
        var terms = new List<double>();
        for (var a = 0; a < x.Length; a++)
        {
            for (var i = 0; i < x.Length; i++)
            {
                for (var j = i + 1; j < x.Length; j++)
                {
                    if (i != a && j != a)
                    {
                        double Label(int k) => (values[a] - values[k]) * (values[a] - values[k]);
                        terms.Add(Math.Pow(
                            Math.Log(Squared(x[a], x[i]) / Squared(x[a], x[j])) - Math.Log(Label(i) / Label(j)), 2));
                    }
                }
            }
        }

        return terms.Average();
    }

    /// <summary>Khosla et al. 2020, eq. 2: the mean over anchors that have a positive.</summary>
    public static double SupCon(double[][] x, long[] labels, double[][] references, long[] referenceLabels, int? firstSelf, double temperature)
    {
        var losses = new List<double>();
        for (var a = 0; a < x.Length; a++)
        {
            var others = Enumerable.Range(0, references.Length).Where(r => firstSelf is null || r != firstSelf + a).ToArray();
            var denominator = others.Sum(r => Math.Exp(Dot(x[a], references[r]) / temperature));
            var positives = others.Where(r => referenceLabels[r] == labels[a]).ToArray();
            if (positives.Length > 0)
            {
                losses.Add(-positives.Average(r => Math.Log(Math.Exp(Dot(x[a], references[r]) / temperature) / denominator)));
            }
        }

        return losses.DefaultIfEmpty().Average();
    }

    private static double[] PerAnchor(
        double[][] x, long[] labels, Func<List<(double Dot, double Squared)>, List<(double Dot, double Squared)>, double> loss) =>
    [
        .. x.Select((anchor, a) => loss(
            [.. x.Where((_, b) => b != a && labels[b] == labels[a]).Select(b => (Dot(anchor, b), Squared(anchor, b)))],
            [.. x.Where((_, b) => labels[b] != labels[a]).Select(b => (Dot(anchor, b), Squared(anchor, b)))])),
    ];
}
