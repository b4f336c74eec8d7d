using SelfSup.Evaluation;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class NeighbourSearchTests
{
    [Theory]
    [InlineData(ScalarType.Float32, nameof(FeatureDistance.Cosine))]
    [InlineData(ScalarType.Float32, nameof(FeatureDistance.Euclidean))]
    [InlineData(ScalarType.Float64, nameof(FeatureDistance.Cosine))]
    [InlineData(ScalarType.Float64, nameof(FeatureDistance.Euclidean))]
    public void WhatIsFoundIsWhatAFullSortFinds(ScalarType type, string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        // Far from the origin, and of a width that is no multiple of a vector.
        var bank = RetrievalTests.Random(1300, 37, seed: 1).add(distance == FeatureDistance.Euclidean ? 20 : 0).to(type);
        var queries = RetrievalTests.Random(301, 37, seed: 2).add(distance == FeatureDistance.Euclidean ? 20 : 0).to(type);
        foreach (var k in new long[] { 1, 33, 600, 1300 })
        {
            using var search = new NeighbourSearch(bank, k, distance);
            var (similarities, indices) = search.Find(queries);
            var all = Similarities(queries.to(float64), bank.to(float64), distance);
            var (sorted, _) = sort(all, 1, descending: true, stable: true);
            var tolerance = type == ScalarType.Float32 ? 2e-5 : 1e-12;
            Assert.Equal([301, k], indices.shape);
            Assert.True((similarities - sorted.narrow(1, 0, k)).abs().max().item<double>() < tolerance);
            Assert.True((all.gather(1, indices) - sorted.narrow(1, 0, k)).abs().max().item<double>() < tolerance);
            Assert.Equal(k, indices[7].unique().output.shape[0]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ThreadsFindTheSame(int threads)
    {
        using var scope = NewDisposeScope();
        var bank = RetrievalTests.Random(700, 16, seed: 1).to(float32);
        using var alone = new NeighbourSearch(bank, 20);
        var (expected, places) = alone.Find(bank);
        try
        {
            set_num_threads(threads);
            using var search = new NeighbourSearch(bank, 20);
            var (similarities, indices) = search.Find(bank);
            Assert.True(similarities.equal(expected).all().item<bool>());
            Assert.True(indices.equal(places).all().item<bool>());
        }
        finally
        {
            set_num_threads(1);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void AQueryOfTheBankIsNotItsOwnNeighbour(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var bank = RetrievalTests.Random(50, 4, seed: 1).to(type);
        bank[9] = bank[3];
        long[] places = [.. Enumerable.Range(0, 50).Select(i => (long)i)];
        using var search = new NeighbourSearch(bank, 49);
        var (_, indices) = search.Find(bank, places);
        Assert.False(indices.eq(arange(50).unsqueeze(1)).any().item<bool>());
        Assert.Equal((9, 3), (indices[3, 0].item<long>(), indices[9, 0].item<long>())); // but its double is
        Assert.All(places, place => Assert.Equal(49, indices[place].unique().output.shape[0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NeighbourSearch(bank, 50).Find(bank, places));
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine))]
    [InlineData(nameof(FeatureDistance.Euclidean))]
    public void EqualsKeepTheOrderOfTheBank(string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        // Five rows, each two hundred times over, in an order that has no end of repeats within a tile.
        long[] kinds = [.. Enumerable.Range(0, 1000).Select(i => (i * 7L) % 5)];
        var bank = RetrievalTests.Random(5, 32, seed: 4).to(float32).index_select(0, tensor(kinds));
        using var search = new NeighbourSearch(bank, 350, distance);
        var (_, indices) = search.Find(bank.narrow(0, 0, 5));
        for (var query = 0; query < 5; query++)
        {
            var found = indices[query].data<long>().ToArray();
            Assert.Equal(Enumerable.Range(0, 1000).Where(i => kinds[i] == kinds[query]).Select(i => (long)i), found[..200]);
            Assert.Equal(found[200..].Order(), found[200..]);
        }
    }

    [Fact]
    public void NoTensorIsLeftBehind()
    {
        using var scope = NewDisposeScope();
        var bank = RetrievalTests.Random(100, 16, seed: 1).to(float32);
        using (var search = new NeighbourSearch(bank, 7))
        {
            _ = search.Find(bank);
        }

        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var alive = Tensor.TotalCount;
        using (NewDisposeScope())
        using (var search = new NeighbourSearch(bank, 7, FeatureDistance.Euclidean))
        {
            _ = search.Find(bank);
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(Tensor.TotalCount, 0, alive);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(33)]
    [InlineData(5000)]
    public void KeysSortLikeTheirNumbers(int count)
    {
        double[] values = [.. Enumerable.Range(0, count).Select(i => Math.Round(Math.Sin(i * 12.9898) * 40) / 8 * (i % 3 == 0 ? -0.0 : 1))];
        foreach (var bytes in new[] { 4, 8 })
        {
            ulong[] keys = [.. values.Select(v => bytes == 4 ? KeySort.KeyOf((float)v) : KeySort.KeyOf(v))];
            int[] places = [.. Enumerable.Range(0, count)];
            KeySort.Sort(keys, places, bytes, (new ulong[count], new int[count]));
            Assert.Equal(Enumerable.Range(0, count).OrderByDescending(i => values[i]), places);
            Assert.Equal(values.OrderDescending(), keys.Select(k => KeySort.ValueOf(k, bytes)));
        }
    }

    private static Tensor Similarities(Tensor queries, Tensor bank, FeatureDistance distance) => distance == FeatureDistance.Cosine
        ? (queries / queries.norm(1, true, 2)).matmul((bank / bank.norm(1, true, 2)).t())
        : -cdist(queries, bank, 2, compute_mode.donot_use_mm_for_euclid_dist);
}
