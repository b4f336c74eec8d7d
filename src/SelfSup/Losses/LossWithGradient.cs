using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>A scalar loss whose gradient is best computed together with it, while what it is made of is in the cache.</summary>
internal static class LossWithGradient
{
    /// <summary>Computes the loss, and the gradient where one is wanted.</summary>
    /// <param name="embeddings">What the loss is of, [N, D].</param>
    /// <param name="compute">
    /// Told whether a gradient is wanted; gives the loss, a scalar, and its gradient, [N, D], or null. Runs without a graph.
    /// </param>
    /// <returns>A scalar. Its gradient cannot be differentiated again.</returns>
    public static Tensor Of(Tensor embeddings, Func<bool, (Tensor Loss, Tensor? Gradient)> compute)
    {
        using var scope = NewDisposeScope(); // it ends when libtorch has taken what is saved, and not before
        var learned = is_grad_enabled() && embeddings.requires_grad;
        return Function.apply(embeddings, compute, learned).MoveToOuterDisposeScope();
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(LossWithGradient);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (loss, gradient) = ((Func<bool, (Tensor, Tensor?)>)arguments[1])((bool)arguments[2]);
            context.save_for_backward(gradient is null ? [] : [gradient]);
            context.set_materialize_grads(false);
            return loss;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(
            3, gradient, () => [context.get_saved_variables()[0] * gradient]);
    }
}
