using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary><see cref="FusedBatchNormJob"/> as a node of the graph: (x, weight, bias, shortcut, job) to y.</summary>
internal sealed class FusedBatchNormFunction : autograd.SingleTensorFunction<FusedBatchNormFunction>
{
    private const string Job = nameof(Job);

    public override string Name => nameof(FusedBatchNormFunction);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, shortcut, job) = ((Tensor)vars[0], (Tensor?)vars[3], (FusedBatchNormJob)vars[4]);
        var y = job.Forward(x, shortcut);
        ctx.set_materialize_grads(false);
        // Without a shortcut the mask of the ReLU is computed again, which costs less than reading it.
        ctx.save_for_backward(shortcut is null ? [x] : [x, y]);
        ctx.save_data(Job, job);
        return y;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => GuardedBackward.Body(5, grad_output, () =>
    {
        var job = (FusedBatchNormJob)ctx.get_data(Job);
        var saved = ctx.get_saved_variables();
        var (x, weight, bias, shortcut) = job.Backward(grad_output, saved[0], saved.Count > 1 ? saved[1] : null);
        return [x, weight, bias, shortcut, null];
    });
}
