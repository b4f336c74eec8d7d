using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>Finds the device that a recipe asks for.</summary>
internal static class Devices
{
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
