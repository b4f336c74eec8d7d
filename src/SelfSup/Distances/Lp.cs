using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// (sum |x - y|^p)^(1/p), a metric for p of 1 and more. Differences are divided by the largest of their pair before they are raised,
/// so that no power over- or underflows; at distance 0, and for p = 1 in coordinates that agree, the gradient is 0.
/// </summary>
[Named("lp")]
internal sealed class Lp(LpOptions options) : Distance
{
    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => options.P == 2
        ? EuclideanMatrix.Of(x, y, squared: false)
        : Function.apply(x, y, options.P, x.requires_grad, y.requires_grad);

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null)
    {
        using var scope = NewDisposeScope();
        var differences = (x - y).abs();
        var largest = Divisor(differences.detach(), 1);
        return (SafeRoot.Of((differences / largest).pow(options.P).sum(dim: 1), options.P) * largest.squeeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The largest difference of each pair, 1 where there is none.</summary>
    private static Tensor Divisor(Tensor differences, long dimension)
    {
        var largest = differences.amax([dimension], keepdim: true);
        return where(largest > 0, largest, ones_like(largest));
    }

    private static Tensor Forward(Tensor x, Tensor y, double p)
    {
        using var scope = NewDisposeScope();
        var result = zeros([x.shape[0], y.shape[0]], dtype: x.dtype, device: x.device);
        DifferenceTile.ForEach(x, y, (tile, differences) =>
        {
            var sizes = differences.abs();
            var largest = Divisor(sizes, 2);
            tile.Of(result).copy_((sizes / largest).pow(p).sum(dim: 2).pow(1 / p) * largest.squeeze(2));
        });
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor x, Tensor y, Tensor distances, Tensor gradient, (double P, bool X, bool Y) wanted)
    {
        var (ofX, ofY) = (zeros_like(x), zeros_like(y));
        DifferenceTile.ForEach(x, y, (tile, differences) =>
        {
            // The derivative by a coordinate: its sign times (|difference| / distance)^(p - 1).
            var distance = tile.Of(distances).unsqueeze(2);
            var safe = where(distance > 0, distance, ones_like(distance));
            var slopes = (differences.abs() / safe).pow(wanted.P - 1);
            slopes.mul_(differences.sign()).mul_(tile.Of(gradient).unsqueeze(2));
            tile.Rows(ofX).add_(slopes.sum(dim: 1));
            tile.Columns(ofY).sub_(slopes.sum(dim: 0));
        });
        return [wanted.X ? ofX : null, wanted.Y ? ofY : null];
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(Lp);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (x, y, p) = ((Tensor)arguments[0], (Tensor)arguments[1], (double)arguments[2]);
            var result = Forward(x, y, p);
            context.save_for_backward([x, y, result]);
            context.set_materialize_grads(false);
            context.save_data("wanted", (p, (bool)arguments[3], (bool)arguments[4]));
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(5, gradient, () =>
        {
            var saved = context.get_saved_variables();
            return Backward(saved[0], saved[1], saved[2], gradient, ((double, bool, bool))context.get_data("wanted"));
        });
    }
}

/// <summary>The settings of <c>lp</c>.</summary>
internal sealed class LpOptions
{
    /// <summary>p; 1 is the city-block distance, 2 the Euclidean one.</summary>
    [Range(1.0, 100.0)]
    public double P { get; set; } = 2;
}
