using SelfSup.Randomness;

namespace SelfSup.Tests.Randomness;

public sealed class CounterRandomTests
{
    /// <summary>The known answers that the Random123 library publishes for philox4x32-10.</summary>
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(
        0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u,
        0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void PhiloxGivesThePublishedAnswers(
        uint c0, uint c1, uint c2, uint c3, uint key0, uint key1, uint a, uint b, uint c, uint d)
    {
        var words = CounterRandom.Philox(new CounterRandom.Words(c0, c1, c2, c3), key0, key1);
        Assert.Equal([a, b, c, d], [words[0], words[1], words[2], words[3]]);
    }

    [Fact]
    public void StreamsOfDifferentPlacesDiffer()
    {
        var first = from seed in new ulong[] { 1, 2, 1UL << 40 }
                    from epoch in new[] { 0, 1 }
                    from sample in new[] { 0L, 1L, 1L << 33 }
                    from view in new[] { 0, 1 }
                    from purpose in new[] { RandomPurpose.Augmentation, RandomPurpose.Order }
                    select new CounterRandom(seed, purpose, epoch, sample, view).NextUInt32();
        Assert.Equal(72, first.Distinct().Count());
    }

    [Fact]
    public void NumbersAreUniform()
    {
        var random = new CounterRandom(7, RandomPurpose.Selection);
        var counts = new int[10];
        double sum = 0;
        for (var i = 0; i < 100_000; i++)
        {
            counts[random.NextInt(10)]++;
            sum += random.NextDouble();
        }

        Assert.All(counts, c => Assert.InRange(c, 9_600, 10_400)); // 4 standard errors of 95 around 10,000
        Assert.Equal(0.5, sum / 100_000, 0.004);
    }

    [Fact]
    public void AShuffleKeepsEveryItem()
    {
        var items = Enumerable.Range(0, 1000).ToArray();
        new CounterRandom(3, RandomPurpose.Order).Shuffle<int>(items);
        Assert.NotEqual(Enumerable.Range(0, 1000), items);
        Assert.Equal(Enumerable.Range(0, 1000), items.Order());
    }
}
