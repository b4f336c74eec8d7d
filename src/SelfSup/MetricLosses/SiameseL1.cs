using SelfSup.Losses;
using SelfSup.Mining;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Siamese networks for one-shot recognition (Koch et al. 2015, https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf, section 3.1 and
/// 3.2): a pair is alike with probability sigmoid(sum_j weight_j |x_j - y_j| + bias), learned by binary cross-entropy. The decay of the
/// weights that belongs to it is the optimizer's.
/// </summary>
public static class SiameseL1
{
    /// <summary>The scores before the sigmoid of listed pairs.</summary>
    /// <param name="first">[N, D].</param>
    /// <param name="second">[N, D].</param>
    /// <param name="weights">[D].</param>
    /// <param name="bias">[1].</param>
    /// <returns>[N].</returns>
    public static Tensor Rows(Tensor first, Tensor second, Tensor weights, Tensor bias) => (first - second).abs().matmul(weights) + bias;

    /// <summary>The scores before the sigmoid of all pairs, whose differences are never there together.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D].</param>
    /// <param name="weights">[D].</param>
    /// <param name="bias">[1].</param>
    /// <returns>[N, M].</returns>
    public static Tensor Matrix(Tensor x, Tensor y, Tensor weights, Tensor bias) =>
        Function.apply(x, y, weights, x.requires_grad, y.requires_grad, weights.requires_grad) + bias;

    /// <summary>The mean cross-entropy of listed pairs.</summary>
    /// <param name="scores">Of <see cref="Rows"/>, [N].</param>
    /// <param name="similar">1 where a pair is alike and 0 where not, [N].</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor scores, Tensor similar)
    {
        using var scope = NewDisposeScope();
        var weights = similar.to(scores.dtype);
        return Mean.Of((weights * OfAlike(scores)) + ((1 - weights) * OfOthers(scores)), Averaging.All).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The cross-entropy of all pairs of a batch, as if pairs were drawn and half of them were alike, which is how Koch et al. draw them:
    /// half the mean over positives plus half the mean over negatives. 0 where there are none.
    /// </summary>
    /// <param name="scores">Of <see cref="Matrix"/>, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor scores, PairMasks masks)
    {
        using var scope = NewDisposeScope();
        return ((Mean.Of(OfAlike(scores), masks.Positive) + Mean.Of(OfOthers(scores), masks.Negative)) / 2).MoveToOuterDisposeScope();
    }

    private static Tensor OfAlike(Tensor scores) => Softplus.Of(-scores);

    private static Tensor OfOthers(Tensor scores) => Softplus.Of(scores);

    private static Tensor Forward(Tensor x, Tensor y, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var result = zeros([x.shape[0], y.shape[0]], dtype: x.dtype, device: x.device);
        DifferenceTile.ForEach(x, y, (tile, differences) => tile.Of(result).copy_(differences.abs().matmul(weights)));
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor x, Tensor y, Tensor weights, Tensor gradient, (bool X, bool Y, bool Weights) wanted)
    {
        var (ofX, ofY, ofWeights) = (zeros_like(x), zeros_like(y), zeros_like(weights));
        DifferenceTile.ForEach(x, y, (tile, differences) =>
        {
            var part = tile.Of(gradient).unsqueeze(2);
            ofWeights.add_((differences.abs() * part).sum([0, 1]));
            var slopes = differences.sign() * weights * part;
            tile.Rows(ofX).add_(slopes.sum(dim: 1));
            tile.Columns(ofY).sub_(slopes.sum(dim: 0));
        });
        return [wanted.X ? ofX : null, wanted.Y ? ofY : null, wanted.Weights ? ofWeights : null];
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(SiameseL1);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (x, y, weights) = ((Tensor)arguments[0], (Tensor)arguments[1], (Tensor)arguments[2]);
            context.save_for_backward([x, y, weights]);
            context.set_materialize_grads(false);
            context.save_data("wanted", ((bool)arguments[3], (bool)arguments[4], (bool)arguments[5]));
            return Forward(x, y, weights);
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(6, gradient, () =>
        {
            var saved = context.get_saved_variables();
            return Backward(saved[0], saved[1], saved[2], gradient, ((bool, bool, bool))context.get_data("wanted"));
        });
    }
}
