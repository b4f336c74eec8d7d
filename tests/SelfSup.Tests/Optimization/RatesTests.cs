using SelfSup.Catalogs;
using SelfSup.Optimization;

using static TorchSharp.torch;

namespace SelfSup.Tests.Optimization;

/// <summary>A parameter with a rate of its own learns as if the learning rate were that much larger; one with a rate of 0 stays.</summary>
public sealed class RatesTests
{
    public static TheoryData<string> Names => OptimizerTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void EachLearnsAsWithALearningRateOfItsOwn(string name)
    {
        using var scope = NewDisposeScope();
        var rates = new Dictionary<string, double> { ["slow"] = 0.25, ["usual"] = 1, ["fast"] = 10, ["bias"] = 0.25 };
        var together = Train(name, rates, _ => true, 0.01);
        foreach (var (parameter, rate) in rates)
        {
            var alone = Train(name, rates.Keys.ToDictionary(key => key, _ => 1.0), key => key == parameter, 0.01 * rate);
            var difference = (together[parameter] - alone[parameter]).abs().max().item<float>();
            Assert.InRange(difference, 0, 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatDoesNotLearnStaysToTheBit(string name)
    {
        using var scope = NewDisposeScope();
        var rates = new Dictionary<string, double> { ["slow"] = 0, ["usual"] = 1, ["fast"] = 0, ["bias"] = 0 };
        var (before, after) = (Initial(), Train(name, rates, _ => true, 0.1));
        foreach (var (key, value) in before)
        {
            Assert.Equal(rates[key] == 0, value.equal(after[key]).all().item<bool>());
        }
    }

    [Fact]
    public void WhatDoesNotLearnGetsNoGradient()
    {
        using var scope = NewDisposeScope();
        var parameters = Initial().ToDictionary(p => p.Key, p => p.Value.requires_grad_());
        using var flat = new FlatParameters(parameters.Select(p => (p.Key, p.Value)));
        flat.SetRates(key => key == "slow" ? 0 : 1);
        (parameters["slow"].sum() + (2 * parameters["usual"].sum())).backward();
        Assert.False(parameters["slow"].requires_grad);
        Assert.Equal(0, flat.Of(flat.Gradients, "").Sum(g => g.abs().sum().item<float>()));
        Assert.Equal(2 * parameters["usual"].numel(), flat.Gradients.sum().item<float>());
    }

    private static Dictionary<string, Tensor> Initial() => new()
    {
        ["slow"] = linspace(-1, 1, 12, float32).reshape(3, 4),
        ["usual"] = linspace(2, 1, 20, float32).reshape(5, 4),
        ["fast"] = linspace(-0.5, 1.5, 6, float32).reshape(2, 3),
        ["bias"] = linspace(0.1, 0.9, 5, float32),
    };

    private static Dictionary<string, Tensor> Train(
        string name, Dictionary<string, double> rates, Func<string, bool> hasGradient, double learningRate)
    {
        var catalog = new Catalog<IOptimizer>(typeof(IOptimizer).Assembly);
        object options = name switch
        {
            // The norm of all gradients, which LAMB divides by, is not a parameter's own.
            "lamb" => new LambOptions { MaxGradientNorm = 0 },
            "sgd" => new SgdOptions { WeightDecay = 0.1, Nesterov = true },
            _ => Activator.CreateInstance(catalog.OptionsType(name))!,
        };
        var values = Initial();
        var flat = new FlatParameters(values.Select(p => (p.Key, p.Value)));
        flat.SetRates(key => rates[key]);
        using var optimizer = catalog.Create(name, options, flat);
        for (var step = 0; step < 4; step++)
        {
            foreach (var segment in flat.Segments.Where(s => hasGradient(s.Name)))
            {
                segment.Of(flat.Gradients).copy_(linspace(-1 + step, 2, segment.Length, float32).reshape([.. segment.Shape]));
            }

            optimizer.Step(learningRate);
        }

        return values;
    }
}
