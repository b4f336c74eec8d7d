using SelfSup.Randomness;

namespace SelfSup.Evaluation;

/// <summary>
/// Divides images into a part to fit and a part to choose settings by, with the same share of every class in both. The
/// same seed and labels give the same parts on every machine.
/// </summary>
internal static class HeldOutSplit
{
    /// <param name="labels">One per image.</param>
    /// <param name="share">Of every class, how much to hold out; a class with one image is fitted only.</param>
    /// <param name="seed">Chooses the images.</param>
    /// <returns>The places of the images of both parts, rising.</returns>
    public static (long[] Fitted, long[] HeldOut) Of(IReadOnlyList<long> labels, double share, ulong seed)
    {
        var heldOut = new bool[labels.Count];
        foreach (var members in Enumerable.Range(0, labels.Count).GroupBy(i => labels[i]))
        {
            var places = members.ToArray();
            var random = new CounterRandom(seed, RandomPurpose.Selection, sample: members.Key);
            random.Shuffle(places.AsSpan());
            var count = places.Length == 1
                ? 0
                : Math.Clamp((int)Math.Round(share * places.Length), 1, places.Length - 1);
            foreach (var place in places.AsSpan(0, count))
            {
                heldOut[place] = true;
            }
        }

        long[] Places(bool held) =>
            [.. Enumerable.Range(0, labels.Count).Where(i => heldOut[i] == held).Select(i => (long)i)];
        return (Places(held: false), Places(held: true));
    }
}
