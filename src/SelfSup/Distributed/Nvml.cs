using System.Runtime.InteropServices;

using SelfSup.Telemetry;

namespace SelfSup.Distributed;

/// <summary>
/// NVIDIA's management library, which comes with the driver: how busy a GPU is and what of its memory is in use. It neither needs CUDA
/// nor waits for what the GPU computes.
/// </summary>
internal sealed unsafe class Nvml
{
    /// <summary>The library's name.</summary>
    public const string Name = "libnvidia-ml.so.1";

    // Of nvml.h.
    private const int TextLength = 96;

    private readonly delegate* unmanaged[Cdecl]<nint, Memory*, int> _memory;
    private readonly delegate* unmanaged[Cdecl]<nint, Utilization*, int> _utilization;
    private readonly delegate* unmanaged[Cdecl]<byte*, nint*, int> _byBusId;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, uint, int> _uuid;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, uint, int> _name;

    private Nvml(nint library)
    {
        var initialise = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        _memory = (delegate* unmanaged[Cdecl]<nint, Memory*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetMemoryInfo");
        _utilization = (delegate* unmanaged[Cdecl]<nint, Utilization*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetUtilizationRates");
        _byBusId = (delegate* unmanaged[Cdecl]<byte*, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByPciBusId_v2");
        _uuid = (delegate* unmanaged[Cdecl]<nint, byte*, uint, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetUUID");
        _name = (delegate* unmanaged[Cdecl]<nint, byte*, uint, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetName");
        IsReady = initialise() == 0;
    }

    private bool IsReady { get; }

    /// <summary>What reads a GPU; null where the library is not there or does not know it.</summary>
    /// <param name="busId">Where the GPU sits, <see cref="CudaRuntime.BusId"/>.</param>
    /// <param name="path">The library: a file, or a name that the system's loader finds.</param>
    public static Func<GpuReading?>? Reader(string busId, string path = Name)
    {
        if (RuntimeLibrary.TryLoad(path, library => new Nvml(library), out _) is not { IsReady: true } nvml || nvml.Find(busId) is not { } device)
        {
            return null;
        }

        var (uuid, name) = (Text(nvml._uuid, device), Text(nvml._name, device));
        return () => nvml.Read(device, uuid, name);
    }

    private nint? Find(string busId)
    {
        nint device;
        var text = Marshal.StringToCoTaskMemUTF8(busId);
        try
        {
            return _byBusId((byte*)text, &device) == 0 ? device : null;
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    private GpuReading? Read(nint device, string uuid, string name)
    {
        Memory memory;
        Utilization utilization;
        return _memory(device, &memory) != 0
            ? null
            : new GpuReading(
                uuid, name, _utilization(device, &utilization) == 0 ? utilization.Gpu / 100.0 : null, (long)memory.Used, (long)memory.Total);
    }

    private static string Text(delegate* unmanaged[Cdecl]<nint, byte*, uint, int> read, nint device)
    {
        var text = stackalloc byte[TextLength];
        return read(device, text, TextLength) == 0 ? Marshal.PtrToStringUTF8((nint)text)! : "";
    }

    /// <summary>nvmlMemory_t, bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Memory
    {
        public readonly ulong Total;
        public readonly ulong Free;
        public readonly ulong Used;
    }

    /// <summary>nvmlUtilization_t, percent.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Utilization
    {
        public readonly uint Gpu;
        public readonly uint MemoryBus;
    }
}
