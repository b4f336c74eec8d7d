using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

public sealed class GuardedBackwardTests
{
    [Fact]
    public void AnExceptionInABackwardPassComesOutWhereItWasStarted()
    {
        using var scope = NewDisposeScope();
        var x = ones(3, dtype: float64).requires_grad_();
        var loss = Failing.apply(x, true).sum() + (2 * x).sum();
        var e = Assert.Throws<InvalidTimeZoneException>(() => GuardedBackward.Run(loss));
        Assert.Equal("of ours", e.Message);

        GuardedBackward.Run(Failing.apply(x, false).sum()); // it is thrown once
    }

    [Fact]
    public void GradientsOutliveTheScopeOfTheBody()
    {
        using var scope = NewDisposeScope();
        var x = ones(3, dtype: float64).requires_grad_();
        GuardedBackward.Run(Failing.apply(x, false).sum());
        Assert.Equal([7.0, 7, 7], x.grad!.data<double>().ToArray());
    }

    private sealed class Failing : autograd.SingleTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            context.set_materialize_grads(false);
            context.save_data("fails", arguments[1]);
            return 7 * (Tensor)arguments[0];
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(
            2, gradient, () => (bool)context.get_data("fails") ? throw new InvalidTimeZoneException("of ours") : [7 * gradient]);
    }
}
