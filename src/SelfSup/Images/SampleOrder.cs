using SelfSup.Randomness;

namespace SelfSup.Images;

/// <summary>The order of the images in an epoch, as a function of (seed, epoch).</summary>
internal static class SampleOrder
{
    /// <summary>
    /// Every index from 0 to <paramref name="count"/> - 1 once. One window over all blocks gives a uniformly random
    /// order. Otherwise the blocks are put in random order and cut into windows, and the order is random within each
    /// window only: a reader that keeps <paramref name="windowBlocks"/> blocks then reads each block once an epoch,
    /// where a uniformly random order would read a block for almost every image. The price is that images of different
    /// windows never share a batch in that epoch, except where one window ends and the next begins.
    /// </summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="count">M, the number of images.</param>
    /// <param name="blockStarts">The first index of each block, see <see cref="IImageSource.BlockStarts"/>.</param>
    /// <param name="windowBlocks">How many blocks are mixed with each other.</param>
    public static int[] Epoch(
        ulong seed, long epoch, int count, IReadOnlyList<int> blockStarts, int windowBlocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowBlocks);
        var random = new CounterRandom(seed, RandomPurpose.Order, epoch);
        var order = new int[count];
        if (windowBlocks >= blockStarts.Count)
        {
            Number(order, 0);
            random.Shuffle<int>(order);
            return order;
        }

        var blocks = new int[blockStarts.Count];
        Number(blocks, 0);
        random.Shuffle<int>(blocks);
        var filled = 0;
        for (var window = 0; window < blocks.Length; window += windowBlocks)
        {
            var begin = filled;
            foreach (var block in blocks.AsSpan(window, Math.Min(windowBlocks, blocks.Length - window)))
            {
                var end = block + 1 < blockStarts.Count ? blockStarts[block + 1] : count;
                var length = end - blockStarts[block];
                Number(order.AsSpan(filled, length), blockStarts[block]);
                filled += length;
            }

            random.Shuffle(order.AsSpan(begin, filled - begin));
        }

        return order;
    }

    private static void Number(Span<int> values, int first)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = first + i;
        }
    }
}
