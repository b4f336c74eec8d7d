using SelfSup.Randomness;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Randomness;

public sealed class AliasTableTests
{
    /// <summary>The tables themselves are not unique; what they imply is.</summary>
    [GoldenComponent("alias_sampler")]
    internal static void ATableImpliesTheReferencesProbabilities(GoldenCase golden)
    {
        var table = new AliasTable(GoldenCase.Numbers(golden.Input("weights")));
        var implied = GoldenCase.Numbers(golden.Outputs.GetProperty("implied"));
        Assert.Equal(implied.Length, table.Count);
        for (var i = 0; i < implied.Length; i++)
        {
            Assert.Equal(implied[i], table.Probability(i), 1e-12);
        }
    }

    [Fact]
    public void DrawsAreAsFrequentAsTheirWeights()
    {
        const int Draws = 200_000;
        double[] weights = [5, 0, 1, 0.25, 3, 0.75];
        var table = new AliasTable(weights);
        var random = new CounterRandom(1, RandomPurpose.Negatives);
        var counts = new int[weights.Length];
        for (var i = 0; i < Draws; i++)
        {
            counts[table.Draw(ref random)]++;
        }

        Assert.Equal(0, counts[1]);
        for (var i = 0; i < weights.Length; i++)
        {
            var probability = weights[i] / weights.Sum();
            Assert.Equal(probability, table.Probability(i), 1e-12);
            Assert.Equal(probability, counts[i] / (double)Draws, 5 * Math.Sqrt(probability / Draws));
        }
    }

    [Fact]
    public void ManyWeightsOfAnySizeAddUpToOne()
    {
        var random = new CounterRandom(2, RandomPurpose.Negatives);
        var weights = new double[1000];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = i % 10 == 0 ? 0 : Math.Exp(random.Uniform(-300, 10));
        }

        var table = new AliasTable(weights);
        var sum = weights.Sum();
        Assert.All(weights.Select((weight, i) => (weight, i)), w => Assert.Equal(w.weight / sum, table.Probability(w.i), 1e-12));
        Assert.Equal(0.5, new AliasTable([double.MaxValue, double.MaxValue]).Probability(0));
        Assert.Equal(0.5, new AliasTable([double.Epsilon, double.Epsilon]).Probability(0));
    }

    [Fact]
    public void CountsAreFlattenedAsByWord2Vec()
    {
        var table = AliasTable.OfCounts([16, 0, 1]);
        Assert.Equal(8.0 / 9, table.Probability(0), 1e-12);
        Assert.Equal(0, table.Probability(1));
        Assert.Equal(0.5, AliasTable.OfCounts([100, 0, 7], power: 0).Probability(2), 1e-12);
    }

    [Theory]
    [InlineData(new double[0], "none is above 0")]
    [InlineData(new double[] { 0, 0 }, "none is above 0")]
    [InlineData(new double[] { 1, -0.5 }, "weights[1]: is -0.5")]
    [InlineData(new double[] { double.NaN }, "weights[0]: is NaN")]
    [InlineData(new double[] { 1, double.PositiveInfinity }, "weights[1]")]
    public void WeightsThatAreNoneAreRefused(double[] weights, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new AliasTable(weights)).Message, StringComparison.Ordinal);

    [Fact]
    public void NegativeCountsAreRefused() => Assert.Throws<ArgumentException>(() => AliasTable.OfCounts([3, -1]));
}
