namespace SelfSup.Evaluation;

/// <summary>Two images that are compared.</summary>
/// <param name="First">Its row among the features, or its index where they are still those of a source.</param>
/// <param name="Second">The other's.</param>
/// <param name="IsSame">Whether they show the same.</param>
/// <param name="Fold">Which part of the protocol it belongs to, from 0.</param>
internal readonly record struct ImagePair(int First, int Second, bool IsSame, int Fold);

/// <summary>The pairs of a verification.</summary>
/// <param name="Pairs">The pairs.</param>
/// <param name="Notes">What a reader of the result must know of them.</param>
/// <param name="HasOwnFolds">Whether folds came with the pairs, so that nothing else chooses them.</param>
internal sealed record ImagePairs(IReadOnlyList<ImagePair> Pairs, IReadOnlyList<string> Notes, bool HasOwnFolds = false)
{
    /// <summary>Pairs of images of a source as pairs of their features.</summary>
    /// <param name="images">The features; pairs of images that could not be read are left out.</param>
    public ImagePairs Among(FeatureSet images)
    {
        var rows = images.Samples.Index().ToDictionary(s => s.Item, s => s.Index);
        var pairs = new List<ImagePair>(Pairs.Count);
        foreach (var pair in Pairs)
        {
            if (rows.TryGetValue(pair.First, out var first) && rows.TryGetValue(pair.Second, out var second))
            {
                pairs.Add(pair with { First = first, Second = second });
            }
        }

        return this with
        {
            Pairs = pairs,
            Notes = pairs.Count == Pairs.Count
                ? Notes
                : [$"{Pairs.Count - pairs.Count} of {Pairs.Count} pairs are left out: an image of theirs could not be read", .. Notes],
        };
    }
}
