namespace SelfSup.Augmentation;

/// <summary>
/// Pairs or triplets of images that a list states, in place of labels: an anchor and candidates, which are similar to it or have
/// scores, and in a list of triplets one that is not similar.
/// </summary>
internal sealed class TupleList
{
    private readonly int[] _anchors;
    private readonly int[] _candidates;
    private readonly int[] _negatives;
    private readonly double[] _scores;
    private readonly Lazy<long[]> _similar;

    /// <param name="anchors">The image of the anchor of each row of the list, [L].</param>
    /// <param name="candidates">The image that the row says something of, [L].</param>
    /// <param name="negatives">The image that is not similar, [L]; empty where the list has none.</param>
    /// <param name="scores">How similar the candidate is, above 0 where it is at all, [L]; empty where all are similar.</param>
    /// <param name="perTuple">C, rows of the same anchor that make one tuple; 1 with negatives.</param>
    public TupleList(int[] anchors, int[] candidates, int[] negatives, double[] scores, int perTuple = 1)
    {
        (_anchors, _candidates, _negatives, _scores, PerTuple) = (anchors, candidates, negatives, scores, perTuple);
        _similar = new(Similar);
        DifferentCandidates = candidates.Distinct().Count();
        if (perTuple > 1)
        {
            Groups = [.. Enumerable.Range(0, anchors.Length).GroupBy(row => anchors[row]).OrderBy(group => group.Key).Select(group => group.ToArray())];
        }
    }

    /// <summary>L, rows of the list.</summary>
    public int Rows => _anchors.Length;

    /// <summary>C, candidates of a tuple.</summary>
    public int PerTuple { get; }

    /// <summary>Whether each tuple has an image that is not similar to the anchor.</summary>
    public bool HasNegatives => _negatives.Length > 0;

    /// <summary>Whether candidates have scores.</summary>
    public bool HasScores => _scores.Length > 0;

    /// <summary>Images of a tuple: the anchor, C candidates, and the negative where there is one.</summary>
    public int Width => 1 + PerTuple + (HasNegatives ? 1 : 0);

    /// <summary>J, how many different images are candidates.</summary>
    public int DifferentCandidates { get; }

    /// <summary>With several candidates a tuple, the rows of each anchor; else empty.</summary>
    public IReadOnlyList<int[]> Groups { get; } = [];

    /// <summary>The score of a row's candidate; 1 where the list has none.</summary>
    public double Score(int row) => HasScores ? _scores[row] : 1;

    /// <summary>Whether the list says that an image is similar to an anchor, with a score above 0 where it has scores.</summary>
    public bool IsSimilar(int anchor, int image) => Array.BinarySearch(_similar.Value, Key(anchor, image)) >= 0;

    /// <summary>Writes the images of a tuple: the anchor, the candidates, the negative.</summary>
    /// <param name="rows">The rows that make it, [C].</param>
    /// <param name="images">[<see cref="Width"/>].</param>
    public void Images(ReadOnlySpan<int> rows, Span<int> images)
    {
        images[0] = _anchors[rows[0]];
        for (var i = 0; i < rows.Length; i++)
        {
            images[1 + i] = _candidates[rows[i]];
        }

        if (HasNegatives)
        {
            images[^1] = _negatives[rows[0]];
        }
    }

    private static long Key(int anchor, int image) => ((long)anchor << 32) | (uint)image;

    private long[] Similar()
    {
        var similar = new List<long>(Rows);
        for (var row = 0; row < Rows; row++)
        {
            if (Score(row) > 0)
            {
                similar.Add(Key(_anchors[row], _candidates[row]));
            }
        }

        similar.Sort();
        return [.. similar];
    }
}
