using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>A part of a network whose activations are made anew for the way back instead of kept.</summary>
internal sealed class Recomputed : autograd.SingleTensorFunction<Recomputed>
{
    private const string Part = nameof(Part);

    public override string Name => nameof(Recomputed);

    /// <summary>The part's result, with a graph that holds its input only.</summary>
    public static Tensor Call(nn.Module<Tensor, Tensor> part, Tensor input)
    {
        if (!input.requires_grad && !part.parameters().Any(parameter => parameter.requires_grad))
        {
            return part.call(input); // nobody goes back
        }

        // libtorch sees nothing of the part but its input: behind constant stages that must ask for the way back by itself.
        using var scope = NewDisposeScope();
        var asking = input.requires_grad ? input : input.detach().requires_grad_();
        return apply(asking, new State(part, Autocast.Current(input.device_type), BatchNormalisation.Exchange)).MoveToOuterDisposeScope();
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (input, state) = ((Tensor)vars[0], (State)vars[1]);
        ctx.save_for_backward([input]);
        ctx.set_materialize_grads(false);
        ctx.save_data(Part, state);
        using var _ = no_grad();
        return state.Part.call(input);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => GuardedBackward.Body(2, grad_output, () =>
    {
        var state = (State)ctx.get_data(Part);
        var input = ctx.get_saved_variables()[0].detach().requires_grad_();
        using var statistics = new BufferSnapshot(state.Part); // the first pass counted already
        Tensor output;
        BatchNormalisation.Exchange = state.Exchange; // on a GPU this is another thread than on the way forward
        using (enable_grad())
        using (Autocast.Enter(state.Precision, input.device_type))
        {
            output = state.Part.call(input);
        }

        GuardedBackward.Run([output], [grad_output]);
        statistics.Restore();
        return [input.grad, null];
    });

    private sealed record State(nn.Module<Tensor, Tensor> Part, Precision Precision, IStatisticsExchange? Exchange);
}
