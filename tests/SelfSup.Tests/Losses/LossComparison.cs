using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>Compares a loss with its formula as automatic differentiation takes it.</summary>
internal static class LossComparison
{
    /// <summary>Fails unless values and gradients agree: to 1e-12 in float64, to 2e-5 in float32, of 1 or of the largest.</summary>
    public static void Same(Func<Tensor[], Tensor> naive, Func<Tensor[], Tensor> tiled, params Tensor[] inputs)
    {
        var tolerance = inputs[0].dtype == ScalarType.Float64 ? 1e-12 : 2e-5;
        var results = new[] { naive, tiled }.Select(loss =>
        {
            var learned = inputs.Select(i => i.detach().clone().requires_grad_()).ToArray();
            var value = loss(learned);
            GuardedBackward.Run(value);
            return (Value: value.to(float64).item<double>(), Gradients: learned.Select(l => l.grad!.to(float64)).ToArray());
        }).ToArray();
        Assert.Equal(results[0].Value, results[1].Value, tolerance * Math.Max(1, Math.Abs(results[0].Value)));
        foreach (var (expected, actual) in results[0].Gradients.Zip(results[1].Gradients))
        {
            var largest = Math.Max(1, expected.abs().max().item<double>());
            Assert.InRange((expected - actual).abs().max().item<double>(), 0, tolerance * largest);
        }
    }

    /// <summary>Unit rows in float64, always the same for a seed.</summary>
    public static Tensor Unit(long rows, long width, int seed)
    {
        using var generator = new Generator((ulong)seed);
        return nn.functional.normalize(randn([rows, width], dtype: float64, generator: generator), dim: 1);
    }
}
