using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// sum over i != j of (first^T second)_ij^2, what the losses that decorrelate dimensions have in common. With 8,192
/// dimensions first^T second has 256 MiB in float32, and automatic differentiation would hold several of it. Here value and
/// gradients are made at once, so that there is one, and only until the value is there; where there are fewer rows than
/// dimensions there is none, as |A^T B|_F^2 = sum((A A^T) * (B B^T)). The gradient cannot be differentiated again.
/// </summary>
internal static class OffDiagonalSquares
{
    /// <summary>The sum of the squares off the diagonal.</summary>
    /// <param name="first">[N, D], float32 or float64.</param>
    /// <param name="second">[N, D]; where it is the same object as <paramref name="first"/>, there is half the work.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Of(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope(); // it ends when libtorch has taken what is saved, and not before
        var learned = is_grad_enabled() && (first.requires_grad || second.requires_grad);
        return Function.apply(first, second, new Settings(ReferenceEquals(first, second), learned)).MoveToOuterDisposeScope();
    }

    private static Tensor[] ByDimensions(Tensor first, Tensor second, Settings settings)
    {
        var products = first.t().mm(second);
        products.diagonal().zero_();
        // Row by row: the sum of 67 million squares would lose digits, and their matrix would be a second one.
        var value = linalg.vector_norm(products, 2, [1L]).square().sum();
        return settings switch
        {
            { Learned: false } => [value],
            { Same: true } => [value, first.mm(products).mul_(4)],
            _ => [value, second.mm(products.t()).mul_(2), first.mm(products).mul_(2)],
        };
    }

    private static Tensor[] ByRows(Tensor first, Tensor second, Settings settings)
    {
        var ofFirst = first.mm(first.t());
        var ofSecond = settings.Same ? ofFirst : second.mm(second.t());
        var diagonal = (first * second).sum(dim: 0);
        var value = (ofFirst * ofSecond).sum() - diagonal.square().sum();
        Tensor Gradient(Tensor gram, Tensor own, Tensor other) => gram.mm(own).sub_(other * diagonal);
        return settings switch
        {
            { Learned: false } => [value],
            { Same: true } => [value, Gradient(ofFirst, first, first).mul_(4)],
            _ => [value, Gradient(ofSecond, first, second).mul_(2), Gradient(ofFirst, second, first).mul_(2)],
        };
    }

    private sealed record Settings(bool Same, bool Learned);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(OffDiagonalSquares);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var (first, second, settings) = ((Tensor)arguments[0], (Tensor)arguments[1], (Settings)arguments[2]);
            using var _ = no_grad();
            var made = first.shape[0] < first.shape[1] ? ByRows(first, second, settings) : ByDimensions(first, second, settings);
            context.save_for_backward([.. made[1..]]);
            context.set_materialize_grads(false);
            return made[0];
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(
            3, gradient, () => [.. context.get_saved_variables().Select(saved => saved * gradient)]);
    }
}
