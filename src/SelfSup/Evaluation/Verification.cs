using System.ComponentModel.DataAnnotations;
using System.Globalization;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="Verification"/>.</summary>
internal sealed class VerificationOptions
{
    /// <summary>How many pairs are drawn where none are listed, half of them of one class; LFW has 6,000.</summary>
    [Range(2, 100_000_000)]
    public int Pairs { get; set; } = 6000;

    /// <summary>In how many parts thresholds are chosen and tried.</summary>
    [Range(2, 1000)]
    public int Folds { get; set; } = 10;

    /// <summary>Chooses pairs and folds.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>What near means; the score of a pair is its cosine, or its Euclidean distance with a minus.</summary>
    [EnumDataType(typeof(FeatureDistance))]
    public FeatureDistance Distance { get; set; } = FeatureDistance.Cosine;

    /// <summary>The false accept rates at which true accept rates are said.</summary>
    public IReadOnlyList<double> FalseAcceptRates { get; set; } = [1e-1, 1e-2, 1e-3, 1e-4];
}

/// <summary>
/// Judges features by pairs of images that show the same or do not: the protocol of Labeled Faces in the Wild (Huang et al.
/// 2007), unrestricted, with ten folds, and the usual measures of the whole curve.
/// </summary>
internal sealed class Verification(VerificationOptions options)
{
    private const long NumbersAtOnce = 1 << 22;

    /// <summary>Judges by pairs drawn from labels.</summary>
    /// <exception cref="DataException">Labels are missing, or there are too few images.</exception>
    /// <exception cref="RecipeException">Fewer pairs are asked for than the folds need.</exception>
    public VerificationReport Evaluate(FeatureSet images) =>
        Evaluate(images, new PairDraw(images, options.Folds, options.Seed).Draw(options.Pairs));

    /// <summary>Fails where pairs cannot be drawn from labels.</summary>
    /// <inheritdoc cref="Evaluate(FeatureSet)"/>
    public void Require(LabelSet images) => new PairDraw(images, options.Folds, options.Seed).Require(options.Pairs);

    /// <summary>Fails where pairs are not enough to judge by.</summary>
    /// <param name="name">What they are pairs of, for messages.</param>
    /// <param name="pairs">The pairs.</param>
    /// <exception cref="DataException">They are of one kind, or a fold leaves the others without pairs of both.</exception>
    public static void Require(string name, ImagePairs pairs)
    {
        var (same, all) = (pairs.Pairs.Count(p => p.IsSame), pairs.Pairs.Count);
        if (same == 0 || same == all)
        {
            throw new DataException(
                $"{name}: {(all == 0 ? "there are no pairs" : $"all {all} pairs are {(same > 0 ? "the same" : "different")}")}, " +
                "must be some that show the same and some that do not; add the others");
        }

        foreach (var fold in pairs.Pairs.GroupBy(p => p.Fold).OrderBy(f => f.Key))
        {
            var (sameInside, allInside) = (fold.Count(p => p.IsSame), fold.Count());
            if (sameInside == same || allInside - sameInside == all - same)
            {
                throw new DataException(
                    $"{name}: without fold {fold.Key} the pairs are not of both kinds, must be to choose a threshold; " +
                    (pairs.HasOwnFolds ? "spread them over the folds" : "list more pairs, or lower --folds"));
            }
        }
    }

    /// <summary>Judges by pairs.</summary>
    /// <param name="images">Their features.</param>
    /// <param name="pairs">The pairs.</param>
    /// <exception cref="DataException">They are of one kind, or a fold leaves the others without pairs of both.</exception>
    public VerificationReport Evaluate(FeatureSet images, ImagePairs pairs)
    {
        Require(images.Name, pairs);
        bool[] same = [.. pairs.Pairs.Select(p => p.IsSame)];
        var scores = Scores(images.Features, pairs.Pairs);
        var curve = new RocCurve(scores, same);
        var best = curve.Best;
        var folds = Folds(pairs.Pairs, scores);
        var mean = folds.Average(f => f.Accuracy);
        string[] coarse =
        [
            .. options.FalseAcceptRates.Where(rate => rate * curve.Different < 1).Order().Select(rate => string.Create(
                CultureInfo.InvariantCulture,
                $"a false accept rate of {rate:R} allows none of {curve.Different} different pairs: more are needed to measure there")),
        ];
        return new VerificationReport
        {
            SamePairs = curve.Same,
            DifferentPairs = curve.Different,
            RocArea = curve.Area,
            AveragePrecision = curve.AveragePrecision,
            EqualErrorRate = curve.EqualErrorRate,
            DiscreteEqualErrorRate = curve.DiscreteEqualErrorRate,
            TrueAcceptRates = options.FalseAcceptRates.Distinct().OrderDescending().ToDictionary(rate => rate, curve.TrueAcceptRate),
            BestAccuracy = best.Accuracy,
            BestThreshold = Finite(best.Threshold),
            FoldAccuracy = mean,
            FoldStandardError = Math.Sqrt(folds.Sum(f => Math.Pow(f.Accuracy - mean, 2)) / (folds.Count - 1) / folds.Count),
            Folds = folds,
            Notes = [.. pairs.Notes, .. coarse],
        };
    }

    /// <summary>Cosines, or Euclidean distances with a minus, in float64 whatever the features are in.</summary>
    internal double[] Scores(Tensor features, IReadOnlyList<ImagePair> pairs)
    {
        using var _ = no_grad();
        var scores = new List<double>(pairs.Count);
        var atOnce = (int)Math.Max(1, NumbersAtOnce / features.shape[1]);
        foreach (var some in pairs.Chunk(atOnce))
        {
            using var scope = NewDisposeScope();
            var first = features.index_select(0, tensor(some.Select(p => (long)p.First).ToArray())).to(float64);
            var second = features.index_select(0, tensor(some.Select(p => (long)p.Second).ToArray())).to(float64);
            var values = options.Distance == FeatureDistance.Euclidean
                ? -(first - second).norm(1, false, 2)
                : (first * second).sum(1) / (first.norm(1, false, 2) * second.norm(1, false, 2)).clamp_min(1e-24);
            scores.AddRange(values.data<double>().ToArray());
        }

        return [.. scores];
    }

    private static List<FoldResult> Folds(IReadOnlyList<ImagePair> pairs, double[] scores)
    {
        var results = new List<FoldResult>();
        foreach (var fold in pairs.Select(p => p.Fold).Distinct().Order().ToArray())
        {
            int[] inside = [.. Enumerable.Range(0, pairs.Count).Where(i => pairs[i].Fold == fold)];
            int[] outside = [.. Enumerable.Range(0, pairs.Count).Where(i => pairs[i].Fold != fold)];
            var threshold = new RocCurve([.. outside.Select(i => scores[i])], [.. outside.Select(i => pairs[i].IsSame)]).Best.Threshold;
            results.Add(new FoldResult(
                inside.Length, Finite(threshold), inside.Average(i => scores[i] >= threshold == pairs[i].IsSame ? 1.0 : 0.0)));
        }

        return results;
    }

    private static double? Finite(double threshold) => double.IsFinite(threshold) ? threshold : null;
}
