using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>Roots whose gradient at 0 is 0, where that of the plain root is no number.</summary>
internal static class SafeRoot
{
    /// <summary>The root of each number.</summary>
    /// <param name="numbers">Not negative, of any shape.</param>
    /// <param name="degree">2 is the square root.</param>
    public static Tensor Of(Tensor numbers, double degree = 2)
    {
        using var scope = NewDisposeScope();
        var positive = numbers > 0;
        var safe = where(positive, numbers, ones_like(numbers)); // no gradient of 1 reaches the numbers that it stands for
        var roots = degree == 2 ? safe.sqrt() : safe.pow(1 / degree);
        return where(positive, roots, numbers.detach()).MoveToOuterDisposeScope(); // 0, and what is no number stays so
    }
}
