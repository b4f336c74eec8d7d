using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>Values of a tensor that are no finite numbers.</summary>
/// <param name="Count">How many.</param>
/// <param name="Of">Of how many.</param>
/// <param name="HasNaN">Whether some are not even infinite.</param>
internal sealed record NonFiniteValues(long Count, long Of, bool HasNaN)
{
    /// <summary>Those of a tensor, or null where all are finite.</summary>
    public static NonFiniteValues? In(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var count = tensor.isfinite().logical_not().sum().item<long>();
        return count == 0 ? null : new NonFiniteValues(count, tensor.numel(), tensor.isnan().any().item<bool>());
    }

    /// <summary>The largest distance from 0 in some tensors.</summary>
    public static double Largest(IEnumerable<Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return tensors.Where(tensor => tensor.numel() > 0).Select(tensor => tensor.abs().max().to(float64).item<double>()).DefaultIfEmpty().Max();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(HasNaN ? "NaN" : "Infinity")} in {Count:N0} of {Of:N0} values";
}
