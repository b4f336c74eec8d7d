using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>Gradients without a graph: by moving one value after the other.</summary>
internal static class CentralDifferences
{
    /// <summary>Fails unless the gradients that a loss has are those of its values.</summary>
    /// <param name="loss">A scalar of all of <paramref name="at"/>.</param>
    /// <param name="tolerance">Absolute.</param>
    /// <param name="at">Where, float64, any shapes.</param>
    public static void Agree(Func<Tensor[], Tensor> loss, double tolerance, params Tensor[] at)
    {
        using var scope = NewDisposeScope();
        Tensor[] learned = [.. at.Select(a => a.detach().clone().requires_grad_())];
        loss(learned).backward();
        for (var i = 0; i < at.Length; i++)
        {
            var expected = Of(value => loss([.. at.Select((a, j) => j == i ? value : a)]), at[i]);
            var difference = (learned[i].grad! - expected).abs().max().item<double>();
            Assert.True(difference <= tolerance, $"the gradient of argument {i} differs by {difference:g3}, tolerance {tolerance:g3}");
        }
    }

    private static Tensor Of(Func<Tensor, Tensor> loss, Tensor at)
    {
        const double Step = 1e-6;
        using var _ = no_grad();
        var values = at.detach().clone().reshape(-1);
        var gradient = zeros(values.shape[0], float64);
        for (var i = 0L; i < values.shape[0]; i++)
        {
            double Moved(double by)
            {
                using var scope = NewDisposeScope();
                var moved = values.clone();
                moved[i] = moved[i] + by;
                return loss(moved.view(at.shape)).item<double>();
            }

            gradient[i] = (Moved(Step) - Moved(-Step)) / (2 * Step);
        }

        return gradient.view(at.shape);
    }
}
