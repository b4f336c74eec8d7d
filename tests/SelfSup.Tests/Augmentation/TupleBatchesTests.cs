using SelfSup.Augmentation;
using SelfSup.Errors;

namespace SelfSup.Tests.Augmentation;

public sealed class TupleBatchesTests
{
    [Fact]
    public void EveryRowComesOnceAnEpochWithItsImagesTogether()
    {
        var list = Pairs(50);
        var plan = new TupleBatches(1, list, 12);
        Assert.Equal(8, plan.StepsPerEpoch); // 50 pairs, 6 a batch
        var seen = new List<int>();
        for (var step = 0; step < 8; step++)
        {
            var batch = Batch(plan, step);
            var rows = plan.Rows(step).ToArray();
            Assert.Equal(6, rows.Length);
            Assert.Equal(rows.SelectMany(row => (int[])[row, 100 + row]), batch);
            seen.AddRange(rows);
        }

        Assert.Equal(48, seen.Distinct().Count());
        Assert.NotEqual(plan.Rows(0).ToArray(), plan.Rows(8).ToArray());
        Assert.Equal(new TupleBatches(1, list, 12).Rows(5).ToArray(), plan.Rows(5).ToArray());
    }

    [Fact]
    public void TripletsHaveThreeImages()
    {
        var list = new TupleList([0, 1, 2], [10, 11, 12], [20, 21, 22], []);
        Assert.Equal(3, list.Width);
        var plan = new TupleBatches(1, list, 3);
        Assert.All(Enumerable.Range(0, 3), step => Assert.Equal(plan.Rows(step)[0] is var row ? [row, 10 + row, 20 + row] : [], Batch(plan, step)));
    }

    [Fact]
    public void CandidatesOfAnAnchorAreTogetherAndNoneIsLeftOut()
    {
        // Anchor 0 has 5 candidates, 1 has 3, 2 has 7: with 3 a tuple these are 2, 1 and 3 tuples.
        int[] anchors = [.. Enumerable.Repeat(0, 5), .. Enumerable.Repeat(1, 3), .. Enumerable.Repeat(2, 7)];
        int[] candidates = [.. Enumerable.Range(100, 15)];
        var list = new TupleList(anchors, candidates, [], [.. candidates.Select(c => (double)c)], perTuple: 3);
        var plan = new TupleBatches(1, list, 8);
        Assert.Equal((4, 3), (list.Width, plan.StepsPerEpoch));
        var seen = new HashSet<int>();
        for (var step = 0; step < 3; step++)
        {
            foreach (var tuple in Batch(plan, step).Chunk(4))
            {
                Assert.All(tuple[1..], candidate => Assert.Equal(tuple[0], anchors[candidate - 100]));
                Assert.Distinct(tuple);
                seen.UnionWith(tuple[1..]);
            }

            Assert.Equal(6, plan.Rows(step).Length);
            Assert.Equal(100.0 + plan.Rows(step)[0], list.Score(plan.Rows(step)[0]));
        }

        Assert.Equal(15, seen.Count);
    }

    [Fact]
    public void SimilarIsWhatHasAScoreAboveZero()
    {
        var list = new TupleList([1, 1, 2, 70_000], [5, 6, 5, 69_999], [], [0.5, -1, 0, 2]);
        Assert.True(list.IsSimilar(1, 5));
        Assert.True(list.IsSimilar(70_000, 69_999));
        Assert.False(list.IsSimilar(1, 6));
        Assert.False(list.IsSimilar(2, 5));
        Assert.False(list.IsSimilar(5, 1));
        Assert.Equal(3, list.DifferentCandidates);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void RanksHaveWholeTuples(int ranks)
    {
        var whole = new TupleBatches(1, Pairs(50), 12);
        for (var step = 0; step < 20; step++)
        {
            var shares = Enumerable.Range(0, ranks).Select(rank => Batch(new RankShare(new TupleBatches(1, Pairs(50), 12), rank, ranks), step)).ToArray();
            Assert.Equal(Batch(whole, step), shares.SelectMany(share => share));
            Assert.All(shares.SelectMany(share => share.Chunk(2)), pair => Assert.Equal(100, pair[1] - pair[0]));
        }
    }

    [Fact]
    public void BatchesThatHoldNoWholeTuplesAreRefused()
    {
        Assert.Equal(
            "training.globalBatchSize: is 8, must be divisible by 3, the images of a tuple (anchor, positive, negative); take 6 or 9",
            Assert.Throws<RecipeException>(() => new TupleBatches(1, new TupleList([0], [1], [2], []), 8)).Message);
        Assert.StartsWith(
            "data.pairs: makes 50 tuples, must be at least one batch of 64 (128 images)",
            Assert.Throws<RecipeException>(() => new TupleBatches(1, Pairs(50), 128)).Message, StringComparison.Ordinal);
    }

    private static TupleList Pairs(int count) => new([.. Enumerable.Range(0, count)], [.. Enumerable.Range(100, count)], [], []);

    private static int[] Batch(BatchPlan plan, long step)
    {
        var batch = new int[plan.BatchSize];
        Assert.Equal(batch.Length, plan.Fill(step, batch));
        return batch;
    }
}
