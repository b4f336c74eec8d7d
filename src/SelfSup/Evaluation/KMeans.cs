using System.ComponentModel.DataAnnotations;

using SelfSup.Randomness;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="KMeans"/>.</summary>
internal sealed class KMeansOptions
{
    /// <summary>How many clusters; as many as there are classes where not set.</summary>
    [Range(1, 1_000_000)]
    public int? Clusters { get; set; }

    /// <summary>How often it begins anew; the result with the smallest distances is taken.</summary>
    [Range(1, 10_000)]
    public int Restarts { get; set; } = 10;

    /// <summary>After so many rounds at the latest it ends.</summary>
    [Range(1, 100_000)]
    public int Iterations { get; set; } = 300;

    /// <summary>Chooses the first centres.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>Cosine: features are brought to unit length first. Then, as with Euclidean, squared distances are summed.</summary>
    [EnumDataType(typeof(FeatureDistance))]
    public FeatureDistance Distance { get; set; } = FeatureDistance.Cosine;
}

/// <summary>
/// Clusters by Lloyd's rounds from centres of k-means++ (Arthur and Vassilvitskii 2007), each the best of several draws as
/// the paper proposes at its end. Works in tiles, sums in float64, and depends on nothing but features and seed.
/// </summary>
internal sealed class KMeans(KMeansOptions options)
{
    private const long NumbersAtOnce = 1 << 22;
    private const double Converged = 1e-9; // the share of the distances that a round must save to be followed by another

    /// <summary>Clusters features.</summary>
    /// <param name="features">[M, F], float32 or float64.</param>
    /// <param name="clusters">K, at most M.</param>
    /// <param name="cancellationToken">Ends it between two rounds.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public KMeansResult Fit(Tensor features, int clusters, CancellationToken cancellationToken = default)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var points = new PointTiles(features, options.Distance, NumbersAtOnce / Math.Max(clusters, features.shape[1]));
        KMeansResult? best = null;
        for (var restart = 0; restart < options.Restarts; restart++)
        {
            using var run = NewDisposeScope();
            var result = Run(points, FirstCentres(points, clusters, restart), cancellationToken);
            best = best is null || result.Distances < best.Distances ? result : best;
        }

        return best!;
    }

    private KMeansResult Run(PointTiles points, Tensor centres, CancellationToken cancellationToken)
    {
        var clusters = (int)centres.shape[0];
        var (assigned, near) = (new long[points.Count], new double[points.Count]);
        var (before, rounds) = (double.PositiveInfinity, 0);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var round = NewDisposeScope();
            var (sums, counts) = (zeros([clusters, points.Width], dtype: float64), new long[clusters]);
            foreach (var tile in points.Tiles)
            {
                using var inner = NewDisposeScope();
                var rows = points.Load(tile);
                var distances = PointTiles.SquaredDistances(rows, centres);
                var (least, chosen) = distances.min(1);
                least.data<double>().ToArray().CopyTo(near.AsSpan((int)tile.Start));
                chosen.data<long>().ToArray().CopyTo(assigned.AsSpan((int)tile.Start));
                // A product with ones adds in a fixed order; scattered additions would too, one row at a time.
                sums.add_(zeros_like(distances).scatter_(1, chosen.unsqueeze(1), ones_like(distances).narrow(1, 0, 1)).t().matmul(rows));
            }

            foreach (var cluster in assigned)
            {
                counts[cluster]++;
            }

            var total = near.Sum();
            rounds++;
            if (rounds >= options.Iterations || before - total <= Converged * total)
            {
                return new KMeansResult(assigned, total, rounds);
            }

            before = total;
            centres.copy_(sums / tensor(counts.Select(c => Math.Max(1.0, c)).ToArray()).unsqueeze(1));
            Refill(points, centres, counts, near);
        }
    }

    // A cluster that has lost all its points gets the one that is farthest from its centre.
    private static void Refill(PointTiles points, Tensor centres, long[] counts, double[] near)
    {
        foreach (var empty in Enumerable.Range(0, counts.Length).Where(c => counts[c] == 0))
        {
            var farthest = Array.IndexOf(near, near.Max());
            near[farthest] = 0;
            centres[empty] = points.Row(farthest);
        }
    }

    private Tensor FirstCentres(PointTiles points, int clusters, int restart)
    {
        var random = EvaluationDraw.Of(options.Seed, EvaluationDraw.Centres, restart);
        var centres = zeros([clusters, points.Width], dtype: float64);
        var draws = 2 + (int)Math.Log(clusters);
        var near = Enumerable.Repeat(double.PositiveInfinity, points.Count).ToArray();
        for (var i = 0; i < clusters; i++)
        {
            using var scope = NewDisposeScope();
            int[] candidates = i == 0 ? [random.NextInt(points.Count)] : Draw(ref random, near, draws);
            var rows = stack(candidates.Select(points.Row));
            var trial = candidates.Select(_ => new double[points.Count]).ToArray();
            foreach (var tile in points.Tiles)
            {
                using var inner = NewDisposeScope();
                var distances = PointTiles.SquaredDistances(points.Load(tile), rows).t().contiguous();
                for (var c = 0; c < candidates.Length; c++)
                {
                    distances[c].data<double>().ToArray().CopyTo(trial[c].AsSpan((int)tile.Start));
                }
            }

            foreach (var distances in trial)
            {
                for (var p = 0; p < near.Length; p++)
                {
                    distances[p] = Math.Min(distances[p], near[p]);
                }
            }

            var best = Enumerable.Range(0, candidates.Length).MinBy(c => trial[c].Sum());
            near = trial[best];
            centres[i] = rows[best];
        }

        return centres;
    }

    // Points with the probability of their squared distance to the nearest centre so far.
    private static int[] Draw(ref CounterRandom random, double[] near, int draws)
    {
        var sums = new double[near.Length];
        var sum = 0.0;
        for (var i = 0; i < near.Length; i++)
        {
            sums[i] = sum += near[i];
        }

        var drawn = new int[draws];
        for (var i = 0; i < draws; i++)
        {
            if (sum == 0)
            {
                drawn[i] = random.NextInt(near.Length); // every point is a centre already
                continue;
            }

            var place = Array.BinarySearch(sums, random.NextDouble() * sum);
            drawn[i] = Math.Min(near.Length - 1, place >= 0 ? place + 1 : ~place);
        }

        return drawn;
    }
}

/// <summary>Clusters of points.</summary>
/// <param name="Clusters">Of every point, the cluster.</param>
/// <param name="Distances">The sum of the squared distances to the centres.</param>
/// <param name="Rounds">How many rounds it took.</param>
internal sealed record KMeansResult(IReadOnlyList<long> Clusters, double Distances, int Rounds);
