using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace SelfSup.Hosting.Examination;

/// <summary>What CUDA's driver says of a GPU; libtorch's binding does not.</summary>
internal static unsafe class CudaDevice
{
    private const int LongestName = 256;

    /// <summary>Name and memory, <c>NVIDIA H100 80GB HBM3, 79.6 GB</c>.</summary>
    public static string Describe(int index)
    {
        if (!NativeLibrary.TryLoad("libcuda.so.1", out var driver))
        {
            return "";
        }

        int device;
        var name = stackalloc byte[LongestName];
        nuint bytes = 0;
        var said = Call("cuInit") is var init && init != 0 && ((delegate* unmanaged[Cdecl]<uint, int>)init)(0) == 0
            && Call("cuDeviceGet") is var get && get != 0 && ((delegate* unmanaged[Cdecl]<int*, int, int>)get)(&device, index) == 0
            && Call("cuDeviceGetName") is var call && call != 0 && ((delegate* unmanaged[Cdecl]<byte*, int, int, int>)call)(name, LongestName, device) == 0
            && Call("cuDeviceTotalMem_v2") is var total && total != 0 && ((delegate* unmanaged[Cdecl]<nuint*, int, int>)total)(&bytes, device) == 0;
        return said
            ? string.Create(CultureInfo.InvariantCulture, $"{Text(name)}, {HostFindings.Size((long)bytes)}")
            : "";

        nint Call(string function) => NativeLibrary.TryGetExport(driver, function, out var address) ? address : 0;

        static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
    }
}
