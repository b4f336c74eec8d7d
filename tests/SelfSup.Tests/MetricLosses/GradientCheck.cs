using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Gradients beside central differences, in float64.</summary>
internal static class GradientCheck
{
    /// <summary>The loss and its gradients.</summary>
    public static (double Loss, Tensor[] Gradients) Of(Func<Tensor[], Tensor> loss, params Tensor[] inputs)
    {
        var learned = inputs.Select(i => i.detach().clone().requires_grad_()).ToArray();
        var value = loss(learned);
        Assert.True(value.requires_grad, "the loss has no graph");
        GuardedBackward.Run(value);
        return (value.item<double>(), [.. learned.Select(l => l.grad is { } gradient ? gradient : zeros_like(l))]);
    }

    /// <summary>Fails unless every gradient is what the loss changes by.</summary>
    public static void Holds(Func<Tensor[], Tensor> loss, params Tensor[] inputs) => Holds(loss, 1e-7, inputs);

    public static void Holds(Func<Tensor[], Tensor> loss, double tolerance, params Tensor[] inputs)
    {
        const double Step = 1e-6;
        var (_, gradients) = Of(loss, inputs);
        using var _ = no_grad();
        for (var i = 0; i < inputs.Length; i++)
        {
            var numbers = inputs[i].clone();
            var expected = new double[numbers.numel()];
            for (var j = 0; j < expected.Length; j++)
            {
                using var scope = NewDisposeScope();
                var number = numbers.view(-1)[j].item<double>();
                double At(double changed)
                {
                    numbers.view(-1)[j] = tensor(changed);
                    return loss([.. inputs.Select((input, k) => k == i ? numbers : input)]).item<double>();
                }

                expected[j] = (At(number + Step) - At(number - Step)) / (2 * Step);
                numbers.view(-1)[j] = tensor(number);
            }

            var largest = (gradients[i].reshape(-1) - tensor(expected)).abs().max().item<double>();
            Assert.True(largest <= tolerance * Math.Max(1, expected.Max(Math.Abs)), $"input {i}: gradients differ by {largest:g3}");
        }
    }
}
