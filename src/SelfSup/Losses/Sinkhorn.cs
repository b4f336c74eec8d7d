using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Assigns samples to prototypes such that every prototype gets as many (Caron et al. 2020, SwAV,
/// https://arxiv.org/abs/2006.09882, eq. 3 to 5): Sinkhorn and Knopp's iteration from exp(scores / epsilon).
/// </summary>
public static class Sinkhorn
{
    /// <summary>The codes, without a graph.</summary>
    /// <param name="scores">Of samples and prototypes, [N, K].</param>
    /// <param name="epsilon">How soft codes are; the paper takes 0.05.</param>
    /// <param name="iterations">How often prototypes and samples are evened out; the paper takes 3.</param>
    /// <returns>[N, K]; the rows sum to 1, the columns to nearly N / K.</returns>
    public static Tensor Codes(Tensor scores, double epsilon, int iterations)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(iterations);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // In logarithms: a row's or a column's own largest is subtracted from it, so that none is all zeros or overflows.
        var logarithms = scores / epsilon;
        for (var done = 1; done < iterations; done++)
        {
            logarithms.sub_(logarithms.logsumexp(0, keepdim: true));
            logarithms.sub_(logarithms.logsumexp(1, keepdim: true));
        }

        return logarithms.sub_(logarithms.logsumexp(0, keepdim: true)).softmax(1).MoveToOuterDisposeScope();
    }
}
