using SelfSup.Distributed;
using SelfSup.Negatives;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

public sealed class InstanceDiscriminationTests
{
    [Fact]
    public void DrawsAreAFunctionOfStepAndImage()
    {
        using var scope = NewDisposeScope();
        using var bank = new WholeBank(new(1000, 4, 0.5, BankPrecision.Float32, 7), ones(1), Communicator.Single);
        var two = bank.Draw(3, tensor(new[] { 17L, 5 }), 64).Negatives;
        Assert.Equal([2, 64], two.shape);
        Assert.True(two.narrow(0, 1, 1).equal(bank.Draw(3, tensor(new[] { 5L }), 64).Negatives).all().item<bool>()); // whatever else is in the batch
        Assert.False(two.equal(bank.Draw(4, tensor(new[] { 17L, 5 }), 64).Negatives).all().item<bool>());
        Assert.InRange(two.max().item<long>(), 500, 999);
        Assert.InRange(two.min().item<long>(), 0, 500);
    }

    [Theory]
    [InlineData(false, 1e-6)]
    [InlineData(true, 1e-2)]
    public void SlotsMoveAndStayOfUnitLength(bool half, double tolerance)
    {
        var precision = half ? BankPrecision.Bfloat16 : BankPrecision.Float32;
        using var scope = NewDisposeScope();
        using var bank = new WholeBank(new(100, 16, 0.75, precision, 7), ones(1), Communicator.Single);
        Assert.True(bank.Slots.to(float32).norm(1).allclose(ones(100), atol: tolerance));
        Assert.Equal((0.0, 0.0), bank.Age(0));
        var samples = tensor(new[] { 3L, 99 });
        var before = bank.Of(samples, ScalarType.Float32);
        var others = bank.Slots.narrow(0, 4, 95).clone();
        var embeddings = nn.functional.normalize(Numbers.Normal(2, 16), dim: 1);
        bank.Update(10, samples, embeddings);
        var expected = nn.functional.normalize((0.75 * before) + (0.25 * embeddings), dim: 1);
        Assert.InRange((bank.Of(samples, ScalarType.Float32) - expected).abs().max().item<float>(), 0, tolerance);
        Assert.True(bank.Slots.narrow(0, 4, 95).equal(others).all().item<bool>());
        bank.Update(14, tensor(new[] { 50L }), embeddings.narrow(0, 0, 1));
        var (age, filled) = bank.Age(16);
        Assert.Equal((6 + 6 + 2) / 3.0, age, 1e-9);
        Assert.Equal(0.03, filled, 1e-9);
    }

    [Fact]
    public void TheNormaliserIsThatOfTheFirstBatch()
    {
        using var run = new SmallRun("instanceDiscrimination");
        string Normaliser() => run.State().Single(s => s.Key.EndsWith("normaliser", StringComparison.Ordinal)).Value;
        var none = Normaliser();
        run.Run(0, 1);
        var first = Normaliser();
        Assert.NotEqual(none, first);
        run.Run(1, 6);
        Assert.Equal(first, Normaliser());
    }
}
