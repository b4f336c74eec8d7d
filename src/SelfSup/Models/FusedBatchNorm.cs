using TorchSharp;
using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Batch normalisation (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1) over the rows of
/// activations that lie channels last in the memory of the CPU, with the shortcut and the ReLU behind it. Statistics are
/// those of libtorch's: biased variance for the batch, unbiased for the running one.
/// </summary>
internal static unsafe class FusedBatchNorm
{
    /// <summary>Whether a normalisation of such activations can be computed here.</summary>
    public static bool Takes(NormBase norm, Tensor x, Tensor? shortcut)
    {
        if (x.device_type != DeviceType.CPU || x.dtype is not (ScalarType.Float32 or ScalarType.BFloat16)
            || norm.running_mean is not { dtype: ScalarType.Float32 } || (!norm.training && Records(norm, x, shortcut)))
        {
            return false;
        }

        using var rows = Rows(x);
        return x.numel() > 0 && rows.is_contiguous();
    }

    /// <summary>rectify(norm(x) + shortcut), with a graph where gradients are recorded.</summary>
    public static Tensor Apply(NormBase norm, Tensor x, Tensor? shortcut, bool rectify)
    {
        var job = new FusedBatchNormJob(norm, x.shape[1], rectify, BatchNormalisation.Exchange);
        return Records(norm, x, shortcut) ? FusedBatchNormFunction.apply(x, norm.weight, norm.bias, shortcut, job) : job.Forward(x, shortcut);
    }

    /// <summary>Whether something may want a gradient of it.</summary>
    private static bool Records(NormBase norm, Tensor x, Tensor? shortcut) => is_grad_enabled()
        && (x.requires_grad || norm.weight is { requires_grad: true } || norm.bias is { requires_grad: true } || shortcut is { requires_grad: true });

    /// <summary>[N, C, H, W] as [N, H, W, C]; [N, C] as it is.</summary>
    public static Tensor Rows(Tensor x) => x.dim() == 4 ? x.permute(0, 2, 3, 1) : x.alias();
}
