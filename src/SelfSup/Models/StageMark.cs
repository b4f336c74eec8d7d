using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// The identity at the entrance of a stage. libtorch goes back in the opposite order of the way forward, so that when the
/// gradient arrives here, those of the stage's parameters are there, as far as this call of it goes.
/// </summary>
internal sealed class StageMark : autograd.SingleTensorFunction<StageMark>
{
    private const string Call = nameof(Call);

    [ThreadStatic]
    private static IStageWatch? _watch;

    /// <summary>Who is told of this thread's networks, or null.</summary>
    public static IStageWatch? Watch
    {
        get => _watch;
        set => _watch = value;
    }

    public override string Name => nameof(StageMark);

    /// <summary>The input of a stage, marked where somebody watches.</summary>
    public static Tensor At(nn.Module stage, Tensor input)
    {
        if (_watch is not { } watch || !is_grad_enabled() || !input.requires_grad)
        {
            return input;
        }

        watch.Entered(stage);
        return apply(input, new State(watch, stage));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_data(Call, vars[1]);
        return ((Tensor)vars[0]).view_as((Tensor)vars[0]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => GuardedBackward.Body(2, grad_output, () =>
    {
        var state = (State)ctx.get_data(Call);
        state.Watch.Left(state.Stage);
        return [grad_output.alias()];
    });

    private sealed record State(IStageWatch Watch, nn.Module Stage);
}
