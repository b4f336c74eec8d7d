using SelfSup.Augmentation;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>Where and how a network computes. None of it changes what it is: weights are float32 and named alike.</summary>
/// <param name="Device">Where its weights live.</param>
/// <param name="Precision">What convolutions and matrix products are computed in.</param>
/// <param name="ChannelsLast">Whether images and filters lie in memory pixel by pixel, not plane by plane.</param>
/// <param name="RecomputesActivations">Whether activations are made anew for the way back instead of kept.</param>
internal sealed record Compute(Device Device, Precision Precision, bool ChannelsLast, bool RecomputesActivations = false)
{
    /// <summary>The layout that is the faster one wherever it was measured, but on a GPU for full float32.</summary>
    public Compute(Device device, Precision precision)
        : this(device, precision, device.type != TorchSharp.DeviceType.CUDA || precision != Precision.Float32)
    {
    }

    /// <summary>How batches are stored, so that the network takes them as they are.</summary>
    public ViewFormat Views => new(IsBFloat16: Precision == Precision.Bfloat16, ChannelsLast);

    /// <summary>Whether the device is a CUDA one.</summary>
    public bool IsCuda => Device.type == TorchSharp.DeviceType.CUDA;

    /// <summary>Begins to compute in the precision, on this thread.</summary>
    public Autocast.Scope Enter() => Autocast.Enter(Precision, Device.type);
}
