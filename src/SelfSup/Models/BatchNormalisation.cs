using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A normalisation and what stands behind it in a residual network: the addition of a shortcut and the ReLU. On a CPU and
/// channels last they are one operation, elsewhere libtorch's three; a batch that is shared between networks is normalised over all of it.
/// </summary>
internal static class BatchNormalisation
{
    [ThreadStatic]
    private static IStatisticsExchange? _exchange;

    /// <summary>Whom this thread's networks share their batch with, or null.</summary>
    public static IStatisticsExchange? Exchange
    {
        get => _exchange;
        set => _exchange = value;
    }

    /// <summary>rectify(norm(x) + shortcut).</summary>
    /// <param name="norm">The normalisation, whose running statistics change if it is in training mode.</param>
    /// <param name="x">[N, C, H, W] or [N, C].</param>
    /// <param name="shortcut">As x, or null.</param>
    /// <param name="rectify">Whether negative values become 0.</param>
    public static Tensor Apply(nn.Module<Tensor, Tensor> norm, Tensor x, Tensor? shortcut = null, bool rectify = true)
    {
        if (norm is NormBase batchNorm && FusedBatchNorm.Takes(batchNorm, x, shortcut))
        {
            var fused = FusedBatchNorm.Apply(batchNorm, x, shortcut, rectify);
            OutputWatch.See(norm, x, fused);
            return fused;
        }

        using var scope = NewDisposeScope();
        var y = _exchange is not null && norm is NormBase { training: true } shared ? SharedBatchNorm.Apply(shared, x, _exchange) : norm.call(x);
        if (shortcut is not null)
        {
            y = y.add_(shortcut);
        }

        y = rectify ? nn.functional.relu(y, inplace: true) : y;
        OutputWatch.See(norm, x, y);
        return y.MoveToOuterDisposeScope();
    }
}
