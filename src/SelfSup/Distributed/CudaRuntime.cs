using System.Runtime.InteropServices;

using SelfSup.Errors;

using TorchSharp;

namespace SelfSup.Distributed;

/// <summary>
/// Streams and events of CUDA, which TorchSharp does not bind: the functions of a libcudart that is found at run time. It need
/// not be the copy that libtorch uses, as all copies in a process share its context.
/// </summary>
internal sealed unsafe class CudaRuntime
{
    /// <summary>The environment variable that names the library where it is not found by itself, or another is wanted.</summary>
    public const string Variable = "SELFSUP_CUDART";

    /// <summary>The stream that libtorch computes in.</summary>
    public const nint DefaultStream = 0;

    // Of driver_types.h.
    private const int NotReady = 600;
    private const uint NonBlocking = 1;
    private const uint DisableTiming = 2;

    private static readonly string[] _names = ["libcudart.so.12", "libcudart.so.13", "libcudart.so"];

    private readonly delegate* unmanaged[Cdecl]<int*, int> _deviceCount;
    private readonly delegate* unmanaged[Cdecl]<int, int> _setDevice;
    private readonly delegate* unmanaged[Cdecl]<nint*, uint, int> _streamCreate;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _streamDestroy;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, uint, int> _streamWaitEvent;
    private readonly delegate* unmanaged[Cdecl]<nint*, uint, int> _eventCreate;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, int> _eventRecord;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _eventQuery;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _eventDestroy;
    private readonly delegate* unmanaged[Cdecl]<int, byte*> _errorString;
    private readonly delegate* unmanaged[Cdecl]<int> _lastError;
    private readonly delegate* unmanaged[Cdecl]<byte*, int, int, int> _busId;

    private CudaRuntime(nint library, string path, DeviceType memory)
    {
        (Path, Memory) = (path, memory);
        _deviceCount = (delegate* unmanaged[Cdecl]<int*, int>)NativeLibrary.GetExport(library, "cudaGetDeviceCount");
        _setDevice = (delegate* unmanaged[Cdecl]<int, int>)NativeLibrary.GetExport(library, "cudaSetDevice");
        _streamCreate = (delegate* unmanaged[Cdecl]<nint*, uint, int>)NativeLibrary.GetExport(library, "cudaStreamCreateWithFlags");
        _streamDestroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "cudaStreamDestroy");
        _streamWaitEvent = (delegate* unmanaged[Cdecl]<nint, nint, uint, int>)NativeLibrary.GetExport(library, "cudaStreamWaitEvent");
        _eventCreate = (delegate* unmanaged[Cdecl]<nint*, uint, int>)NativeLibrary.GetExport(library, "cudaEventCreateWithFlags");
        _eventRecord = (delegate* unmanaged[Cdecl]<nint, nint, int>)NativeLibrary.GetExport(library, "cudaEventRecord");
        _eventQuery = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "cudaEventQuery");
        _eventDestroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "cudaEventDestroy");
        _errorString = (delegate* unmanaged[Cdecl]<int, byte*>)NativeLibrary.GetExport(library, "cudaGetErrorString");
        _lastError = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "cudaGetLastError");
        _busId = NativeLibrary.TryGetExport(library, "cudaDeviceGetPCIBusId", out var busId) ? (delegate* unmanaged[Cdecl]<byte*, int, int, int>)busId : null;
    }

    /// <summary>The file it was loaded from, as the system was asked for it.</summary>
    public string Path { get; }

    /// <summary>Where libtorch keeps the tensors that this runtime's streams work on.</summary>
    public DeviceType Memory { get; }

    /// <summary>GPUs that this process may use.</summary>
    /// <exception cref="CommunicationException">There is none, or no driver.</exception>
    public int Devices
    {
        get
        {
            int count;
            Check(_deviceCount(&count), "cudaGetDeviceCount");
            return count;
        }
    }

    /// <summary>Libraries that may be there.</summary>
    /// <param name="libtorch">The folder of libtorch, or null.</param>
    public static IEnumerable<string> Candidates(string? libtorch) => libtorch is null
        ? _names
        : [
            .. _names,
            // PyTorch's packages have it in one of their own; libtorch's download has it beside itself, with a hash in its name.
            System.IO.Path.Combine(libtorch, "../../nvidia/cuda_runtime/lib", _names[0]),
            .. Beside(libtorch),
        ];

    /// <summary>The library of this process.</summary>
    /// <param name="named">The one that <see cref="Variable"/> names, or null.</param>
    /// <param name="libtorch">The folder of libtorch, or null.</param>
    /// <exception cref="CommunicationException">None can be loaded.</exception>
    public static CudaRuntime Load(string? named, string? libtorch = null)
    {
        if (named is not null)
        {
            return TryLoad(named, out var reason) ?? throw new CommunicationException(
                $"{Variable}={named}: is no CUDA runtime ({reason}); name the file, such as libcudart.so.12, or unset it");
        }

        var (library, reasons) = RuntimeLibrary.FirstOf(Candidates(libtorch), path => (TryLoad(path, out var reason), reason));
        return library ?? throw new CommunicationException(
            $"CUDA: no runtime is found ({string.Join("; ", reasons)}); install CUDA's runtime, or let {Variable} name libcudart.so.12");
    }

    /// <summary>Loads a library.</summary>
    /// <param name="path">A file, or a name that the system's loader finds.</param>
    /// <param name="reason">Why it cannot be used.</param>
    /// <param name="memory">Where its tensors are: elsewhere than on GPUs where it stands in for them.</param>
    /// <returns>The library, or null.</returns>
    public static CudaRuntime? TryLoad(string path, out string reason, DeviceType memory = DeviceType.CUDA) =>
        RuntimeLibrary.TryLoad(path, library => new CudaRuntime(library, path, memory), out reason);

    /// <summary>Where a GPU sits, which says which one it is to other libraries: each has an order of its own. Null where nothing says so.</summary>
    public string? BusId(int device)
    {
        const int Length = 32; // "0000:00:00.0" and some
        var id = stackalloc byte[Length];
        return _busId is not null && _busId(id, Length, device) == 0 ? Marshal.PtrToStringUTF8((nint)id) : null;
    }

    /// <summary>Lets the calls of this thread mean a GPU.</summary>
    public void Use(int device) => Check(_setDevice(device), "cudaSetDevice");

    /// <summary>A stream that does not wait for the default stream, nor that for it, unless they are told to.</summary>
    public nint CreateStream()
    {
        nint stream;
        Check(_streamCreate(&stream, NonBlocking), "cudaStreamCreateWithFlags");
        return stream;
    }

    /// <summary>Gives a stream up; what is in it goes on.</summary>
    public void DestroyStream(nint stream) => _ = _streamDestroy(stream);

    /// <summary>An event.</summary>
    public nint CreateEvent()
    {
        nint created;
        Check(_eventCreate(&created, DisableTiming), "cudaEventCreateWithFlags");
        return created;
    }

    /// <summary>Gives an event up.</summary>
    public void DestroyEvent(nint given) => _ = _eventDestroy(given);

    /// <summary>Lets an event be the end of what is in a stream by now.</summary>
    public void Record(nint marked, nint stream) => Check(_eventRecord(marked, stream), "cudaEventRecord");

    /// <summary>Lets what comes into a stream from now on wait for an event. The caller waits only where the stream is full.</summary>
    public void LetWait(nint stream, nint awaited) => Check(_streamWaitEvent(stream, awaited, 0), "cudaStreamWaitEvent");

    /// <summary>Whether all before an event is done.</summary>
    /// <exception cref="CommunicationException">Something before it, or in another stream, went wrong.</exception>
    public bool IsDone(nint awaited)
    {
        var code = _eventQuery(awaited);
        if (code == NotReady)
        {
            _ = _lastError(); // libtorch would find it in this thread and take it for its own
            return false;
        }

        Check(code, "cudaEventQuery");
        return true;
    }

    private static IEnumerable<string> Beside(string libtorch) =>
        Directory.Exists(libtorch) ? Directory.EnumerateFiles(libtorch, "libcudart*.so*").Order(StringComparer.Ordinal) : [];

    private void Check(int code, string function)
    {
        if (code != 0)
        {
            throw new CommunicationException($"{function}: {Marshal.PtrToStringUTF8((nint)_errorString(code)) ?? $"code {code}"}");
        }
    }
}
