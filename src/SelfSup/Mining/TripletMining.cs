using SelfSup.Randomness;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Chooses among the triplets of a labelled batch; conventions of pytorch-metric-learning where several are in use.</summary>
public static class TripletMining
{
    /// <summary>All triplets of a kind.</summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">The pairs they are made of.</param>
    /// <param name="kind">Which.</param>
    /// <param name="margin">What the gap is compared with.</param>
    public static Triplets Select(Tensor distances, PairMasks masks, TripletKind kind, double margin)
    {
        using var _ = no_grad();
        return Triplets.Where(masks, (anchors, positives) =>
        {
            var rows = distances.index_select(0, anchors); // [pairs, M]
            var gaps = rows - rows.gather(1, positives.unsqueeze(1));
            return kind switch
            {
                TripletKind.All => gaps <= margin,
                TripletKind.Easy => gaps > margin,
                TripletKind.SemiHard => (gaps <= margin) & (gaps > 0),
                TripletKind.Hard => (gaps <= margin) & (gaps <= 0),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
            };
        });
    }

    /// <summary>
    /// One triplet an anchor: its farthest positive and its nearest negative (Hermans et al. 2017, https://arxiv.org/abs/1703.07737,
    /// eq. 5). An anchor that has not both has none.
    /// </summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">The pairs to choose from.</param>
    public static Triplets BatchHard(Tensor distances, PairMasks masks) =>
        BatchEasyHard(distances, masks, Hardness.Hard, Hardness.Hard).Triplets!;

    /// <summary>
    /// One positive and one negative for each anchor that has both (Xuan et al. 2020, https://arxiv.org/abs/1904.04370): triplets,
    /// or pairs where all positives or all negatives are taken, of such anchors too. A semi-hard one is chosen after the other; an anchor that has none that
    /// is semi-hard is left out.
    /// </summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">The pairs to choose from.</param>
    /// <param name="positive">Which positive.</param>
    /// <param name="negative">Which negative; not semi-hard if the positive is, or if all of those are taken.</param>
    public static Mined BatchEasyHard(Tensor distances, PairMasks masks, Hardness positive, Hardness negative)
    {
        if (!Fit(positive, negative))
        {
            throw new ArgumentException($"{positive} positives and {negative} negatives: semi-hard is relative to one chosen other", nameof(negative));
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Chosen? positives = null, negatives = null;
        if (positive == Hardness.SemiHard)
        {
            negatives = Nearest(distances, masks.Negative, negative == Hardness.Hard);
            positives = Nearest(distances, masks.Positive & (distances < negatives.Distances.unsqueeze(1)), nearest: false);
        }
        else if (positive != Hardness.All)
        {
            positives = Nearest(distances, masks.Positive, positive == Hardness.Easy);
        }

        if (negative == Hardness.SemiHard)
        {
            negatives = Nearest(distances, masks.Negative & (distances > positives!.Distances.unsqueeze(1)), nearest: true);
        }
        else if (negative != Hardness.All)
        {
            negatives ??= Nearest(distances, masks.Negative, negative == Hardness.Hard);
        }

        if (positives is null || negatives is null)
        {
            var both = ((positives?.Some ?? masks.Positive.any(1)) & (negatives?.Some ?? masks.Negative.any(1))).unsqueeze(1);
            return new Mined(
                new PairMasks(
                    ((positives?.In(masks.Positive) ?? masks.Positive) & both).MoveToOuterDisposeScope(),
                    ((negatives?.In(masks.Negative) ?? masks.Negative) & both).MoveToOuterDisposeScope()),
                null);
        }

        var anchors = (positives.Some & negatives.Some).nonzero().squeeze(1);
        return new Mined(null, new Triplets(
            anchors.MoveToOuterDisposeScope(),
            positives.Places.index_select(0, anchors).MoveToOuterDisposeScope(),
            negatives.Places.index_select(0, anchors).MoveToOuterDisposeScope()));
    }

    /// <summary>
    /// For each positive pair a negative, drawn so that distances are evenly likely and not embeddings: on a sphere of many dimensions
    /// nearly all pairs are about sqrt(2) apart (Wu et al. 2017, https://arxiv.org/abs/1706.07567, section 4.1). An anchor all of
    /// whose negatives are too far has no triplet.
    /// </summary>
    /// <param name="distances">Euclidean, of unit vectors, [N, M].</param>
    /// <param name="masks">The pairs to choose from.</param>
    /// <param name="cutoff">Nearer negatives are drawn as if they were so far.</param>
    /// <param name="nonZeroLossCutoff">Negatives from here on are not drawn.</param>
    /// <param name="draw">What the choice is a function of.</param>
    public static Triplets DistanceWeighted(Tensor distances, PairMasks masks, double cutoff, double nonZeroLossCutoff, MiningDraw draw)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // log of 1 / q(d), where q is the density of distances between points that are evenly distributed on the sphere.
        var clamped = distances.to(float64).clamp_min(cutoff);
        var logarithms = (clamped.log() * (2.0 - draw.Width)) - ((1 - (clamped.square() / 4)).clamp_min(1e-12).log() * ((draw.Width - 3.0) / 2));
        var possible = masks.Negative & (clamped < nonZeroLossCutoff);
        logarithms = logarithms.masked_fill(possible.logical_not(), double.NegativeInfinity);
        var largest = logarithms.amax([1], keepdim: true);
        var sums = (logarithms - largest.masked_fill(largest.isinf(), 0)).exp().cumsum(1).cpu().contiguous();
        var pairs = masks.Positive.nonzero().cpu();
        var drawn = pairs.shape[0] == 0 // libtorch has no memory to read then
            ? new Drawn([], [], [])
            : Draw(pairs.data<long>().ToArray(), sums.data<double>().ToArray(), distances.shape[1], draw);
        return drawn.On(distances.device);
    }

    /// <summary>Whether these can be chosen together: what is semi-hard is so relative to one other.</summary>
    internal static bool Fit(Hardness positive, Hardness negative) =>
        (positive, negative) is not ((Hardness.SemiHard, Hardness.SemiHard or Hardness.All) or (Hardness.All, Hardness.SemiHard));

    private static Drawn Draw(long[] pairs, double[] sums, long references, MiningDraw draw)
    {
        var drawn = new Drawn([], [], []);
        CounterRandom random = default;
        var last = -1L;
        for (var i = 0; i < pairs.Length; i += 2)
        {
            var anchor = pairs[i];
            if (anchor != last)
            {
                (last, random) = (anchor, new CounterRandom(draw.Seed, RandomPurpose.Mining, epoch: draw.Step, sample: anchor));
            }

            var row = sums.AsSpan((int)(anchor * references), (int)references);
            if (row[^1] > 0)
            {
                drawn.Add(anchor, pairs[i + 1], FirstAbove(row, random.NextDouble() * row[^1]));
            }
        }

        return drawn;
    }

    // The first sum above the number: places of no weight are never it.
    private static int FirstAbove(ReadOnlySpan<double> sums, double number)
    {
        var (low, high) = (0, sums.Length - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = sums[middle] > number ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static Chosen Nearest(Tensor distances, Tensor mask, bool nearest)
    {
        var masked = distances.masked_fill(mask.logical_not(), nearest ? double.PositiveInfinity : double.NegativeInfinity);
        var (values, places) = nearest ? masked.min(1) : masked.max(1);
        return new Chosen(values, places, mask.any(1));
    }

    /// <summary>One of every row, [N] each.</summary>
    /// <param name="Distances">How far it is.</param>
    /// <param name="Places">Its column.</param>
    /// <param name="Some">Whether there is one.</param>
    private sealed record Chosen(Tensor Distances, Tensor Places, Tensor Some)
    {
        public Tensor In(Tensor mask)
        {
            var chosen = zeros_like(mask);
            chosen.scatter_(1, Places.unsqueeze(1), Some.unsqueeze(1));
            return chosen;
        }
    }

    private sealed record Drawn(List<long> Anchors, List<long> Positives, List<long> Negatives)
    {
        public void Add(long anchor, long positive, long negative)
        {
            Anchors.Add(anchor);
            Positives.Add(positive);
            Negatives.Add(negative);
        }

        public Triplets On(Device device)
        {
            return new Triplets(Of(Anchors), Of(Positives), Of(Negatives));

            Tensor Of(List<long> places) => tensor(places.ToArray(), device: device).MoveToOuterDisposeScope();
        }
    }
}
