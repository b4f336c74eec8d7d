using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>
/// libtorch's updates that read and write every value once, on all threads or in one kernel of a GPU. TorchSharp does not
/// bind them; a script reaches them. Tensors are handed over in lists: of lists that it makes itself the compiler believes that
/// nobody sees what is written to them, and leaves the call out.
/// </summary>
internal static class FusedUpdates
{
    private const string Text = """
        def sgd(values: List[Tensor], gradients: List[Tensor], velocity: List[Tensor], decay: float, momentum: float,
                rate: float, dampening: float, nesterov: bool, first: bool):
            torch._fused_sgd_(values, gradients, velocity, weight_decay=decay, momentum=momentum, lr=rate,
                              dampening=dampening, nesterov=nesterov, maximize=False, is_first_step=first)

        def adam(values: List[Tensor], gradients: List[Tensor], first: List[Tensor], second: List[Tensor],
                 step: List[Tensor], rate: float, beta1: float, beta2: float, decay: float, epsilon: float):
            torch._fused_adam_(values, gradients, first, second, [], step, lr=rate, beta1=beta1, beta2=beta2,
                               weight_decay=decay, eps=epsilon, amsgrad=False, maximize=False)

        """; // the parser asks for the end of the last line

    private static readonly Lazy<jit.CompilationUnit> _script = new(() => jit.compile(Text));

    /// <summary>
    /// PyTorch's SGD over a stretch of [P], in place. The velocity is null without momentum; in the first step it becomes
    /// the gradient.
    /// </summary>
    public static void Sgd(
        Tensor values, Tensor gradients, Tensor? velocity, double decay, SgdOptions options, double rate, bool first) =>
        _script.Value.invoke(
            "sgd", One(values), One(gradients), velocity is null ? Array.Empty<Tensor>() : One(velocity), decay, options.Momentum, rate,
            options.Dampening, options.Nesterov, first);

    /// <summary>
    /// PyTorch's Adam over a stretch of [P], in place. The step's number, from 1, is a float32 scalar.
    /// </summary>
    public static void Adam(
        Tensor values, Tensor gradients, Tensor first, Tensor second, Tensor step, double decay, AdamOptions options, double rate) =>
        _script.Value.invoke(
            "adam", One(values), One(gradients), One(first), One(second), One(step), rate, options.Beta1, options.Beta2, decay, options.Epsilon);

    private static Tensor[] One(Tensor tensor) => [tensor];
}
