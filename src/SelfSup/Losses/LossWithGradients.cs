using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>A scalar loss of several tensors whose gradients are best computed together with it, as <see cref="LossWithGradient"/> is of one.</summary>
internal static class LossWithGradients
{
    /// <summary>Computes the loss, and the gradients where any is wanted.</summary>
    /// <param name="learned">What the loss is of, each of any shape.</param>
    /// <param name="compute">
    /// Told whether gradients are wanted; gives the loss, a scalar, and the gradient of each of <paramref name="learned"/>, or none.
    /// Runs without a graph.
    /// </param>
    /// <returns>A scalar. Its gradients cannot be differentiated again.</returns>
    public static Tensor Of(Tensor[] learned, Func<bool, (Tensor Loss, Tensor[] Gradients)> compute)
    {
        using var scope = NewDisposeScope(); // it ends when libtorch has taken what is saved, and not before
        var wanted = is_grad_enabled() && learned.Any(tensor => tensor.requires_grad);
        return Function.apply([.. learned, compute, wanted]).MoveToOuterDisposeScope();
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(LossWithGradients);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (loss, gradients) = ((Func<bool, (Tensor, Tensor[])>)arguments[^2])((bool)arguments[^1]);
            context.save_for_backward([.. gradients]);
            context.save_data("arguments", arguments.Length);
            context.set_materialize_grads(false);
            return loss;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(
            (int)context.get_data("arguments"), gradient, () => [.. context.get_saved_variables().Select(saved => saved * gradient)]);
    }
}
