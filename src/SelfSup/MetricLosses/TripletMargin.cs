using SelfSup.Losses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The triplet loss: relu(d(a, p) - d(a, n) + margin) (Schroff et al. 2015, https://arxiv.org/abs/1503.03832, eq. 3, over squared
/// distances there; whether they are is the distance's matter) or, soft, log(1 + exp(d(a, p) - d(a, n) + margin)) (Hermans et al. 2017,
/// https://arxiv.org/abs/1703.07737, section 2, with a margin of 0). With swap the negative's distance is the smaller of those from
/// anchor and positive (Balntas et al. 2016, https://doi.org/10.5244/C.30.119, section 2.2).
/// </summary>
public static class TripletMargin
{
    /// <summary>The loss over given triplets; 0 where there are none.</summary>
    /// <param name="distances">[N, M]; with swap of a batch with itself, [N, N].</param>
    /// <param name="triplets">Which.</param>
    /// <param name="settings">Margin, form, averaging.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor distances, Triplets triplets, TripletSettings settings)
    {
        using var scope = NewDisposeScope();
        var (positive, negative) = Gathered(distances, triplets, settings);
        return Rows(positive, negative, settings).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The loss over all triplets of a batch, which are not listed: it and its gradient by the distances are made some positive pairs at
    /// a time. 0 where there are none. The work is that of all triplets, about N^3.
    /// </summary>
    /// <param name="distances">[N, M]; with swap of a batch with itself, [N, N].</param>
    /// <param name="masks">The pairs that triplets are made of.</param>
    /// <param name="settings">Margin, form, averaging.</param>
    /// <returns>A scalar. Its gradient cannot be differentiated again.</returns>
    public static Tensor Loss(Tensor distances, PairMasks masks, TripletSettings settings)
    {
        _ = Columns(distances, settings);
        return LossWithGradient.Of(distances, learned =>
        {
            using var scope = NewDisposeScope();
            var sums = new Sums(distances, learned);
            sums.AddAll(masks, settings);
            var divisor = Math.Max(1, settings.Averaging == Averaging.All ? sums.Triplets : sums.NonZero);
            sums.Gradient?.div_(divisor);
            return (
                (sums.Loss / divisor).to(distances.dtype).MoveToOuterDisposeScope(),
                sums.Gradient?.MoveToOuterDisposeScope());
        });
    }

    /// <summary>The loss over listed triplets; 0 where there are none.</summary>
    /// <param name="positiveDistances">From anchors to positives, [T].</param>
    /// <param name="negativeDistances">From anchors, or with swap the nearer of anchor and positive, to negatives, [T].</param>
    /// <param name="margin">How much farther negatives should be.</param>
    /// <param name="soft">log(1 + exp) in place of relu.</param>
    /// <param name="averaging">Over which triplets.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Rows(
        Tensor positiveDistances, Tensor negativeDistances, double margin, bool soft = false, Averaging averaging = Averaging.All) =>
        Rows(positiveDistances, negativeDistances, new TripletSettings(margin, soft, false, averaging));

    /// <summary>How many triplets violate the margin, d(a, p) - d(a, n) + margin above 0, and how many there are.</summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">The pairs that triplets are made of.</param>
    /// <param name="settings">Margin and swap.</param>
    public static (long Active, long All) Count(Tensor distances, PairMasks masks, TripletSettings settings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var sums = new Sums(distances, learned: false);
        sums.AddAll(masks, settings with { Soft = false });
        return (sums.NonZero, sums.Triplets);
    }

    /// <summary>How many of given triplets violate the margin.</summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="triplets">Which.</param>
    /// <param name="settings">Margin and swap.</param>
    public static long Count(Tensor distances, Triplets triplets, TripletSettings settings)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (positive, negative) = Gathered(distances, triplets, settings);
        return (positive - negative + settings.Margin > 0).sum().item<long>();
    }

    /// <summary>The distances of anchors from positives and, with swap the smaller of two, from negatives, [T] each.</summary>
    private static (Tensor Positive, Tensor Negative) Gathered(Tensor distances, Triplets triplets, TripletSettings settings)
    {
        var columns = Columns(distances, settings);
        var flat = distances.reshape(-1);
        var positive = flat.index_select(0, (triplets.Anchor * columns) + triplets.Positive);
        var negative = flat.index_select(0, (triplets.Anchor * columns) + triplets.Negative);
        return (positive, settings.Swap
            ? minimum(negative, flat.index_select(0, (triplets.Positive * columns) + triplets.Negative))
            : negative);
    }

    private static Tensor Rows(Tensor positive, Tensor negative, TripletSettings settings)
    {
        using var scope = NewDisposeScope();
        return Mean.Of(Losses(positive - negative + settings.Margin, settings.Soft), settings.Averaging).MoveToOuterDisposeScope();
    }

    private static Tensor Losses(Tensor violations, bool soft) => soft ? Softplus.Of(violations) : violations.relu();

    private static long Columns(Tensor distances, TripletSettings settings)
    {
        var (rows, columns) = (distances.shape[0], distances.shape[1]);
        return !settings.Swap || rows == columns
            ? columns
            : throw new ArgumentException(
                $"distances: are [{rows}, {columns}], must be of a batch with itself: swap takes distances from positives too", nameof(distances));
    }

    /// <summary>What a pass over all triplets adds up.</summary>
    private sealed class Sums(Tensor distances, bool learned)
    {
        /// <summary>Of all losses, float64.</summary>
        public Tensor Loss { get; } = zeros([], dtype: float64, device: distances.device);

        public long NonZero { get; private set; }

        public long Triplets { get; private set; }

        /// <summary>Of the sum of losses by the distances, [N, M].</summary>
        public Tensor? Gradient { get; } = learned ? zeros_like(distances) : null;

        public void AddAll(PairMasks masks, TripletSettings settings) => PositivePairs.ForEachTile(masks, (anchors, positives) =>
        {
            var fromAnchors = distances.index_select(0, anchors); // [pairs, M]
            var counts = masks.Negative.index_select(0, anchors);
            var positive = fromAnchors.gather(1, positives.unsqueeze(1));
            var fromPositives = settings.Swap ? distances.index_select(0, positives) : null;
            var violations = positive + settings.Margin - (fromPositives is null ? fromAnchors : minimum(fromAnchors, fromPositives));
            var losses = Losses(violations, settings.Soft).masked_fill(counts.logical_not(), 0);
            Loss.add_(losses.sum(float64));
            NonZero += (losses > 0).sum().item<long>();
            Triplets += counts.sum().item<long>();
            if (Gradient is not null)
            {
                var slopes = settings.Soft ? violations.sigmoid() : (violations > 0).to(distances.dtype);
                slopes.masked_fill_(counts.logical_not(), 0);
                Gradient.view(-1).index_add_(0, (anchors * distances.shape[1]) + positives, slopes.sum(dim: 1), 1);
                if (fromPositives is not null)
                {
                    // Where both are as near the gradient is shared, as that of minimum is.
                    var share = (fromPositives < fromAnchors).to(distances.dtype) + ((fromPositives == fromAnchors).to(distances.dtype) / 2);
                    Gradient.index_add_(0, positives, slopes * share, -1);
                    slopes.mul_(1 - share);
                }

                Gradient.index_add_(0, anchors, slopes, -1);
            }
        });
    }
}

/// <summary>The settings of a triplet loss.</summary>
/// <param name="Margin">How much farther negatives should be.</param>
/// <param name="Soft">log(1 + exp) in place of relu: triplets never stop to count.</param>
/// <param name="Swap">Whether the negative's distance is the smaller of those from anchor and positive.</param>
/// <param name="Averaging">Over which triplets.</param>
public sealed record TripletSettings(
    double Margin, bool Soft = false, bool Swap = false, Averaging Averaging = Averaging.NonZero);
