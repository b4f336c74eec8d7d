using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>Finds the device that a recipe asks for, and how to compute on it.</summary>
internal static class Devices
{
    /// <summary>How a recipe trains.</summary>
    /// <param name="training">The <c>training</c> section.</param>
    /// <param name="replicas">Parts of a batch in the network at once.</param>
    /// <param name="gpu">Which GPU, where it trains on one; null for the first.</param>
    /// <exception cref="RecipeException">It asks for what this machine does not have.</exception>
    public static Compute ForTraining(TrainingOptions training, int replicas, int? gpu = null)
    {
        var device = Find(training.Device);
        if (device.type == TorchSharp.DeviceType.CUDA && gpu is { } index)
        {
            device = new Device(TorchSharp.DeviceType.CUDA, index);
        }

        if (replicas > 1 && device.type == TorchSharp.DeviceType.CUDA)
        {
            throw new RecipeException(
                "run.replicas: parts of a batch share a CPU and this run is on a GPU; leave it out, or set training.device: cpu");
        }

        if (training.Precision == Precision.Tf32 && device.type != TorchSharp.DeviceType.CUDA)
        {
            throw new RecipeException(
                "training.precision: tf32 is arithmetic of CUDA devices and this run is on the CPU; set float32 or bfloat16");
        }

        Autocast.SetTf32(training.Precision, device.type);
        var compute = new Compute(device, training.Precision);
        return compute with
        {
            ChannelsLast = training.ChannelsLast ?? compute.ChannelsLast,
            RecomputesActivations = training.RecomputeActivations,
        };
    }

    /// <summary>How a backbone is judged on a device, which may not be the one it was trained on.</summary>
    public static Compute ForEvaluation(Device device, Precision precision) => new(
        device,
        precision == Precision.Tf32 && device.type != TorchSharp.DeviceType.CUDA ? Precision.Float32 : precision);

    /// <summary>The device.</summary>
    /// <exception cref="RecipeException">It asks for CUDA and there is none.</exception>
    public static Device Find(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => CPU,
        DeviceKind.Cuda when !cuda.is_available() => throw new RecipeException(
            "training.device: cuda is not available here; build with -p:TorchBackend=cuda, let SELFSUP_LIBTORCH name a libtorch with " +
            "CUDA, or set cpu"),
        DeviceKind.Cuda => CUDA,
        _ => cuda.is_available() ? CUDA : CPU,
    };
}
