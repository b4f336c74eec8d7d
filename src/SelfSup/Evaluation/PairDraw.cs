using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>
/// Draws pairs from labels, as many of the same class as of different ones, in folds that share nothing: no class where
/// there are enough of them, as in Labeled Faces in the Wild, else no image.
/// </summary>
/// <param name="set">What the pairs are of; all of it labelled.</param>
/// <param name="folds">How many folds.</param>
/// <param name="seed">Chooses the pairs.</param>
internal sealed class PairDraw(LabelSet set, int folds, ulong seed)
{
    /// <summary>Draws so many pairs.</summary>
    /// <param name="count">How many, rounded down to whole folds.</param>
    /// <exception cref="RecipeException">They are fewer than two a fold.</exception>
    /// <exception cref="DataException">The images do not have them.</exception>
    public ImagePairs Draw(int count)
    {
        var (wanted, parts, notes) = Require(count);
        var pairs = new List<ImagePair>(2 * wanted * folds);
        var missing = 0;
        for (var fold = 0; fold < folds; fold++)
        {
            var part = parts[fold];
            var same = Same(part, fold, wanted);
            var different = Different(part, fold, same.Count);
            var each = Math.Min(same.Count, different.Count);
            missing += 2 * (wanted - each);
            pairs.AddRange(same.Take(each));
            pairs.AddRange(different.Take(each));
        }

        return new ImagePairs(
            pairs, missing == 0 ? notes : [.. notes, $"{pairs.Count} pairs, not {pairs.Count + missing}: there are no more within the folds"]);
    }

    /// <summary>Fails where they cannot be drawn.</summary>
    /// <returns>How many of each kind a fold has at most, the images of each fold, and what a reader must know of them.</returns>
    /// <inheritdoc cref="Draw"/>
    public (int Wanted, int[][] Parts, string[] Notes) Require(int count)
    {
        set.RequireLabels();
        set.RequireClasses("verification");
        var wanted = count / (2 * folds);
        if (wanted < 1)
        {
            throw new RecipeException($"verification: {count} pairs, must be at least {2 * folds} for {folds} folds; ask for more pairs or fewer folds");
        }

        var (parts, notes) = Parts();
        foreach (var part in parts)
        {
            var same = part.GroupBy(i => set.Labels[i]).Sum(g => PairsBelow(g.Count()));
            if (same == 0 || same == PairsBelow(part.Length))
            {
                throw new DataException(
                    $"{set.Name}: {set.Count} images of {set.Classes} classes are too few for {folds} folds with " +
                    "pairs of one class and of two in each; give more images or ask for fewer folds");
            }
        }

        return (wanted, parts, notes);
    }

    private (int[][] Parts, string[] Notes) Parts()
    {
        var parts = Enumerable.Range(0, folds).Select(_ => new List<int>()).ToArray();
        var classes = Enumerable.Range(0, set.Labels.Count).GroupBy(i => set.Labels[i]).OrderBy(g => g.Key).Select(g => g.ToArray()).ToArray();
        EvaluationDraw.Of(seed, EvaluationDraw.Folds, -1).Shuffle(classes.AsSpan());
        int[][] several = [.. classes.Where(c => c.Length > 1)];
        var next = 0;
        if (several.Length >= 2 * folds)
        {
            foreach (var images in several.Concat(classes.Where(c => c.Length == 1)))
            {
                parts[next++ % folds].AddRange(images);
            }

            return ([.. parts.Select(p => p.ToArray())], []);
        }

        foreach (var images in classes)
        {
            EvaluationDraw.Of(seed, EvaluationDraw.Folds, set.Labels[images[0]]).Shuffle(images.AsSpan());
            foreach (var image in images)
            {
                parts[next++ % folds].Add(image);
            }
        }

        return (
            [.. parts.Select(p => p.ToArray())],
            [$"folds share classes but no images: {several.Length} classes with two images are too few for {folds} folds of different classes"]);
    }

    // Every pair of one class is as likely as any other.
    private List<ImagePair> Same(int[] part, int fold, int wanted)
    {
        var classes = part.GroupBy(i => set.Labels[i]).OrderBy(g => g.Key).Select(g => g.ToArray()).ToArray();
        var starts = new long[classes.Length + 1];
        for (var i = 0; i < classes.Length; i++)
        {
            starts[i + 1] = starts[i] + PairsBelow(classes[i].Length);
        }

        var random = EvaluationDraw.Of(seed, EvaluationDraw.SamePairs, fold);
        var pairs = new List<ImagePair>();
        foreach (var number in EvaluationDraw.Distinct(ref random, (int)Math.Min(wanted, starts[^1]), starts[^1]))
        {
            var place = Array.BinarySearch(starts, number);
            place = place >= 0 ? Array.FindLastIndex(starts, s => s == number) : ~place - 1;
            var (first, second) = Decode(number - starts[place]);
            pairs.Add(new ImagePair(classes[place][first], classes[place][second], IsSame: true, fold));
        }

        return pairs;
    }

    private List<ImagePair> Different(int[] part, int fold, int wanted)
    {
        var random = EvaluationDraw.Of(seed, EvaluationDraw.DifferentPairs, fold);
        var there = PairsBelow(part.Length) - part.GroupBy(i => set.Labels[i]).Sum(g => PairsBelow(g.Count()));
        if (2L * wanted >= there)
        {
            // Few more than are wanted, so that drawing would hit the same ones again and again.
            var all = (
                from second in Enumerable.Range(0, part.Length)
                from first in Enumerable.Range(0, second)
                where set.Labels[part[first]] != set.Labels[part[second]]
                select new ImagePair(part[first], part[second], IsSame: false, fold)).ToArray();
            random.Shuffle(all.AsSpan());
            return [.. all.Take(wanted)];
        }

        var drawn = new HashSet<ImagePair>();
        while (drawn.Count < wanted)
        {
            var (a, b) = (part[random.NextInt(part.Length)], part[random.NextInt(part.Length)]);
            if (set.Labels[a] != set.Labels[b])
            {
                drawn.Add(new ImagePair(Math.Min(a, b), Math.Max(a, b), IsSame: false, fold));
            }
        }

        return [.. drawn];
    }

    private static long PairsBelow(long images) => images * (images - 1) / 2;

    // The numbers 0, 1, 2, 3 ... stand for (0, 1), (0, 2), (1, 2), (0, 3) ...
    private static (int First, int Second) Decode(long number)
    {
        var second = (long)((1 + Math.Sqrt(1 + (8.0 * number))) / 2);
        second += PairsBelow(second + 1) <= number ? 1 : PairsBelow(second) > number ? -1 : 0;
        return ((int)(number - PairsBelow(second)), (int)second);
    }
}
