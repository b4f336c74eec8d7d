using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>The memory of tensors on the CPU.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>Where the values of a contiguous tensor of at least one row begin. They stay there as long as the tensor lives.</summary>
    public static T* Address<T>(Tensor tensor)
        where T : unmanaged
    {
        // A span over all of it may pass 2 GB, one over its first row does not. Native memory does not move.
        using var first = tensor.narrow(0, 0, 1);
        fixed (byte* address = first.bytes)
        {
            return (T*)address;
        }
    }
}
