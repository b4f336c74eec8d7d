using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Goes through triplets by their positive pairs, so that what is held is a few pairs times M, and never N M M.</summary>
internal static class PositivePairs
{
    private const long TileElements = 1 << 20;

    /// <summary>Calls with anchors and positives, int64 [pairs], in the order of rows; what is made meanwhile is given up after each call.</summary>
    public static void ForEachTile(PairMasks masks, Action<Tensor, Tensor> compute)
    {
        using var pairs = masks.Positive.nonzero(); // [P, 2]; no scope here, or what a call hands outwards would end with it
        var height = Math.Max(1, TileElements / Math.Max(1, masks.Positive.shape[1]));
        for (var start = 0L; start < pairs.shape[0]; start += height)
        {
            using var tile = NewDisposeScope();
            var part = pairs.narrow(0, start, Math.Min(height, pairs.shape[0] - start));
            compute(part.select(1, 0), part.select(1, 1));
        }
    }
}
