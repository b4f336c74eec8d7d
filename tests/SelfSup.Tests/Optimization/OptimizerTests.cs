using System.Globalization;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Optimization;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Optimization;

public sealed class OptimizerTests
{
    public static TheoryData<string> Names => [.. new Catalog<IOptimizer>(typeof(IOptimizer).Assembly).Names];

    [Fact]
    public void TheCatalogueHasThePublishedNames() => Assert.Equal(
        ["adam", "adamW", "lamb", "lars", "sgd"], new Catalog<IOptimizer>(typeof(IOptimizer).Assembly).Names);

    [Theory]
    [MemberData(nameof(Names))]
    public void SavedStateContinuesBitForBit(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var stop in new[] { 0, 1, 3 })
        {
            var (uninterrupted, optimizer) = Create(name);
            using var _ = optimizer;
            Train(uninterrupted, optimizer, 0, stop);
            using var saved = StateArchive.Saving();
            saved.Part("parameters", uninterrupted);
            saved.Part("optimizer", optimizer);
            Train(uninterrupted, optimizer, stop, 6);

            var (resumed, second) = Create(name);
            using var __ = second;
            using var loaded = StateArchive.Loading(
                saved.Entries.ToDictionary(e => e.Key, e => e.Value.clone().DetachFromDisposeScope()), "test");
            loaded.Part("parameters", resumed);
            loaded.Part("optimizer", second);
            Assert.Empty(loaded.Unclaimed);
            Train(resumed, second, stop, 6);

            Assert.True(uninterrupted.Values.bytes.SequenceEqual(resumed.Values.bytes), $"stopped at {stop}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AStepLeavesNoTensorAndTheGradientsBehind(string name)
    {
        using var scope = NewDisposeScope();
        var (parameters, optimizer) = Create(name);
        using var _ = optimizer;
        SetGradients(parameters, 0);
        var gradients = parameters.Gradients.bytes.ToArray();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        optimizer.Step(0.1);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.True(parameters.Gradients.bytes.SequenceEqual(gradients));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void DisposingAnOptimizerFreesItsState(string name)
    {
        using var parameters = Parameters();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var catalog = new Catalog<IOptimizer>(typeof(IOptimizer).Assembly);
        var alive = Tensor.TotalCount;
        ((IOptimizer)catalog.Create(name, Activator.CreateInstance(catalog.OptionsType(name))!, parameters)).Dispose();
        Assert.InRange(Tensor.TotalCount, 0, alive); // fewer, where the collector has found older ones
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ABufferOfManyPiecesIsUpdatedLikeOneOfFew(string name)
    {
        // One parameter of 200,000 values against the same numbers as 40 parameters: elementwise rules do not care how
        // [P] is cut. LARS and LAMB do, where they adapt; here they may not.
        using var scope = NewDisposeScope();
        var numbers = linspace(-1, 1, 200_000, float32).reshape(400, 500);
        using var whole = new FlatParameters([("whole", numbers.clone())]);
        using var parts = new FlatParameters(Enumerable.Range(0, 40).Select(i => (
            i.ToString(CultureInfo.InvariantCulture), numbers.narrow(0, i * 10, 10).clone())));
        foreach (var parameters in new[] { whole, parts })
        {
            using IOptimizer optimizer = name switch
            {
                "sgd" => new Sgd(new() { WeightDecay = 0.1, Nesterov = true }, parameters),
                "adam" => new Adam(new() { WeightDecay = 0.1 }, parameters),
                "adamW" => new AdamW(new(), parameters),
                "lamb" => new Lamb(new() { MaxGradientNorm = 0, WeightDecay = 0 }, parameters),
                _ => new Lars(new(), parameters, decays: _ => true, adapts: _ => false),
            };
            for (var step = 0; step < 3; step++)
            {
                parameters.Gradients.copy_(parameters.Values).sin_();
                optimizer.Step(0.1);
            }
        }

        Assert.True((whole.Values - parts.Values).abs().max().item<float>() <= 1e-6f);
    }

    [Fact]
    public void BiasesAndNormsDoNotDecayWhenExcluded()
    {
        using var scope = NewDisposeScope();
        using var parameters = Parameters();
        using var optimizer = new Sgd(new() { Momentum = 0, WeightDecay = 0.5, ExcludeBiasAndNorm = true }, parameters);
        var before = parameters.Values.clone();
        optimizer.Step(1);
        var (matrices, rest) = (parameters.MatrixLength, parameters.Values.numel() - parameters.MatrixLength);
        Assert.True(allclose(parameters.Values.narrow(0, 0, matrices), before.narrow(0, 0, matrices) / 2));
        var unchanged = parameters.Values.narrow(0, matrices, rest).equal(before.narrow(0, matrices, rest));
        Assert.True(unchanged.all().item<bool>());
    }

    [Fact]
    public void DampeningSparesTheFirstStep()
    {
        // By hand, gradient always 1: v = 1, then 0.5 * 1 + (1 - 0.75) * 1 = 0.75.
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters([("w", zeros(1, 1, float64))]);
        using var optimizer = new Sgd(new() { Momentum = 0.5, Dampening = 0.75 }, parameters);
        parameters.Gradients.fill_(1);
        optimizer.Step(1);
        Assert.Equal(-1, parameters.Values.item<double>(), 1e-15);
        optimizer.Step(1);
        Assert.Equal(-1.75, parameters.Values.item<double>(), 1e-15);
    }

    [Fact]
    public void ATinyWeightDecayIsNotLostInFloat32()
    {
        // 0.03 * 1e-6 is half of float32's resolution at 1; as a factor 1 - 3e-8 it would round to 1 and never decay.
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters([("w", full([1, 1], 1e-4f))]);
        using var optimizer = new AdamW(new() { WeightDecay = 1e-6, Epsilon = 1 }, parameters);
        for (var step = 0; step < 2000; step++)
        {
            optimizer.Step(3);
        }

        Assert.Equal(1e-4 * Math.Exp(-2000 * 3e-6), parameters.Values.item<float>(), 1e-8);
    }

    [Fact]
    public void ClippingKeepsTheDirectionAndReturnsTheNormBefore()
    {
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters([("w", zeros(1, 2, float64))]);
        parameters.Gradients.copy_(tensor(new[] { 3.0, 4.0 }));
        Assert.Equal(5, parameters.GradientNorm(), 1e-12);
        Assert.Equal(5, parameters.ClipGradients(10), 1e-12);
        Assert.Equal([3.0, 4.0], parameters.Gradients.data<double>().ToArray());
        Assert.Equal(5, parameters.ClipGradients(1), 1e-12);
        Assert.Equal(0.6, parameters.Gradients[0].item<double>(), 1e-12);
        Assert.Equal(0.8, parameters.Gradients[1].item<double>(), 1e-12);
    }

    [Fact]
    public void TheNormOfAMillionGradientsIsExactToFloat32()
    {
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters([("w", zeros(4000, 3000))]);
        parameters.Gradients.fill_(0.1f);
        var exact = 0.1f * Math.Sqrt(12_000_000);
        Assert.Equal(1, parameters.GradientNorm() / exact, 1e-5);
    }

    private static FlatParameters Parameters() => new([
        ("conv", linspace(-1, 1, 24, float32).reshape(2, 3, 2, 2)),
        ("bias", linspace(1, 2, 5, float32)),
        ("fc", linspace(0.5, -0.5, 15, float32).reshape(5, 3)),
    ]);

    private static (FlatParameters Parameters, IOptimizer Optimizer) Create(string name)
    {
        var catalog = new Catalog<IOptimizer>(typeof(IOptimizer).Assembly);
        object options = name == "sgd"
            ? new SgdOptions { Dampening = 0.3, WeightDecay = 0.01 }
            : Activator.CreateInstance(catalog.OptionsType(name))!;
        var parameters = Parameters();
        return (parameters, (IOptimizer)catalog.Create(name, options, parameters));
    }

    private static void Train(FlatParameters parameters, IOptimizer optimizer, int from, int to)
    {
        for (var step = from; step < to; step++)
        {
            SetGradients(parameters, step);
            optimizer.Step(0.05);
        }
    }

    private static void SetGradients(FlatParameters parameters, int step)
    {
        using var scope = NewDisposeScope();
        parameters.Gradients.copy_((arange(parameters.Values.numel(), float32) * (step + 1)).cos());
    }
}
