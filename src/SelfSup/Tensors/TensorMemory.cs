using System.Runtime.InteropServices;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>The memory of tensors.</summary>
internal static unsafe class TensorMemory
{
    // TorchSharp shows memory of the CPU alone.
    private static readonly delegate* unmanaged[Cdecl]<nint, nint> _data = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(
        NativeLibrary.Load("LibTorchSharp", typeof(torch).Assembly, searchPath: null), "THSTensor_data");

    /// <summary>Where the values of a contiguous tensor begin, on the device where they are: to be passed on, not to be read.</summary>
    public static nint Pointer(Tensor tensor) => _data(tensor.Handle);

    /// <summary>Where the values of a contiguous tensor of at least one row, on the CPU, begin. They stay there as long as the tensor lives.</summary>
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
