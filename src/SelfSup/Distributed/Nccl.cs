using System.Runtime.InteropServices;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>
/// The functions of NCCL, 2.14 or later, found at run time. Communicators are made such that no call waits for another rank
/// (<c>blocking = 0</c>): one that cannot be done at once goes on behind the scenes, and until <see cref="IsReady"/> says that it
/// is, nothing else may be asked of the communicator.
/// </summary>
internal sealed unsafe class Nccl
{
    /// <summary>The environment variable that names the library where it is not found by itself, or another is wanted.</summary>
    public const string Variable = "SELFSUP_NCCL";

    // Of nccl.h. Element types and reductions:
    public const int UInt8 = 1;
    public const int Int64 = 4;
    public const int Float32 = 7;
    public const int Float64 = 8;
    public const int BFloat16 = 9;
    public const int Sum = 0;
    public const int Max = 2;
    public const int Min = 3;
    public const int Average = 4;

    private const int Success = 0;
    private const int InProgress = 7;
    private const uint Magic = 0xcafebeef;
    private const uint OldestVersion = 21400;

    private static readonly string[] _names = ["libnccl.so.2", "libnccl.so"];

    private readonly delegate* unmanaged[Cdecl]<int*, int> _getVersion;
    private readonly delegate* unmanaged[Cdecl]<NcclUniqueId*, int> _getUniqueId;
    private readonly delegate* unmanaged[Cdecl]<nint*, int, NcclUniqueId, int, Configuration*, int> _initRank;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _finalize;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _destroy;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _abort;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int> _getAsyncError;
    private readonly delegate* unmanaged[Cdecl]<int, byte*> _getErrorString;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*> _getLastError;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, nint, nint, int> _allGather;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _reduceScatter;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _broadcast;

    private Nccl(nint library, string path)
    {
        Path = path;
        _getVersion = (delegate* unmanaged[Cdecl]<int*, int>)NativeLibrary.GetExport(library, "ncclGetVersion");
        _getUniqueId = (delegate* unmanaged[Cdecl]<NcclUniqueId*, int>)NativeLibrary.GetExport(library, "ncclGetUniqueId");
        _initRank = (delegate* unmanaged[Cdecl]<nint*, int, NcclUniqueId, int, Configuration*, int>)
            NativeLibrary.GetExport(library, "ncclCommInitRankConfig");
        _finalize = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "ncclCommFinalize");
        _destroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "ncclCommDestroy");
        _abort = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "ncclCommAbort");
        _getAsyncError = (delegate* unmanaged[Cdecl]<nint, int*, int>)NativeLibrary.GetExport(library, "ncclCommGetAsyncError");
        _getErrorString = (delegate* unmanaged[Cdecl]<int, byte*>)NativeLibrary.GetExport(library, "ncclGetErrorString");
        _getLastError = (delegate* unmanaged[Cdecl]<nint, byte*>)NativeLibrary.GetExport(library, "ncclGetLastError");
        _allReduce = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)
            NativeLibrary.GetExport(library, "ncclAllReduce");
        _allGather = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, nint, nint, int>)
            NativeLibrary.GetExport(library, "ncclAllGather");
        _reduceScatter = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)
            NativeLibrary.GetExport(library, "ncclReduceScatter");
        _broadcast = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)
            NativeLibrary.GetExport(library, "ncclBroadcast");
    }

    /// <summary>The file it was loaded from, as the system was asked for it.</summary>
    public string Path { get; }

    /// <summary>Its version: 2.27.5.</summary>
    public Version Version
    {
        get
        {
            int code;
            Check(_getVersion(&code), "ncclGetVersion");
            return new Version(code / 10_000, code / 100 % 100, code % 100);
        }
    }

    /// <summary>Libraries that may be there.</summary>
    /// <param name="libtorch">The folder of libtorch, or null.</param>
    public static IEnumerable<string> Candidates(string? libtorch) => libtorch is null
        ? _names
        : [
            .. _names,
            // PyTorch's packages have it in one of their own; some builds of libtorch have it inside.
            System.IO.Path.Combine(libtorch, "../../nvidia/nccl/lib", _names[0]),
            System.IO.Path.Combine(libtorch, "libtorch_cuda.so"),
        ];

    /// <summary>The library of this process.</summary>
    /// <param name="named">The one that <see cref="Variable"/> names, or null.</param>
    /// <param name="libtorch">The folder of libtorch, or null.</param>
    /// <exception cref="CommunicationException">None can be loaded.</exception>
    public static Nccl Load(string? named, string? libtorch = null)
    {
        if (named is not null)
        {
            return TryLoad(named, out var reason) ?? throw new CommunicationException(
                $"{Variable}={named}: is no NCCL 2.14 or later ({reason}); name the file, such as libnccl.so.2, or unset it");
        }

        var (library, reasons) = RuntimeLibrary.FirstOf(Candidates(libtorch), path => (TryLoad(path, out var reason), reason));
        return library ?? throw new CommunicationException(
            $"NCCL: no library is found ({string.Join("; ", reasons)}); install NCCL (libnccl2), or let {Variable} name libnccl.so.2");
    }

    /// <summary>Loads a library.</summary>
    /// <param name="path">A file, or a name that the system's loader finds.</param>
    /// <param name="reason">Why it cannot be used.</param>
    /// <returns>The library, or null.</returns>
    public static Nccl? TryLoad(string path, out string reason) =>
        RuntimeLibrary.TryLoad(path, library => new Nccl(library, path), out reason);

    /// <summary>An id for ranks to join by; where <c>NCCL_COMM_ID</c> is set, the address that it names.</summary>
    public NcclUniqueId CreateId()
    {
        NcclUniqueId id;
        Check(_getUniqueId(&id), "ncclGetUniqueId");
        return id;
    }

    /// <summary>Begins to join, with the GPU that the calling thread uses.</summary>
    /// <returns>The communicator, of use when it is ready.</returns>
    public nint Join(int ranks, NcclUniqueId id, int rank)
    {
        // The configuration of the oldest version is its prefix in every later one, and means the same.
        var configuration = new Configuration { Size = (nuint)sizeof(Configuration), Magic = Magic, Version = OldestVersion };
        nint communicator = 0;
        Check(_initRank(&communicator, ranks, id, rank, &configuration), "ncclCommInitRankConfig", communicator);
        return communicator;
    }

    /// <summary>Whether what was asked of a communicator is on its way.</summary>
    /// <param name="communicator">The communicator.</param>
    /// <param name="function">What was asked, for the message.</param>
    /// <exception cref="CommunicationException">It failed, or what is on its way did since.</exception>
    public bool IsReady(nint communicator, string function)
    {
        int state;
        Check(_getAsyncError(communicator, &state), "ncclCommGetAsyncError", communicator);
        Check(state, function, communicator);
        return state != InProgress;
    }

    /// <summary>Begins to let all that was asked come to its end, on all ranks.</summary>
    public void Finalise(nint communicator) => Check(_finalize(communicator), "ncclCommFinalize", communicator);

    /// <summary>Gives a communicator up that has come to its end.</summary>
    public void Destroy(nint communicator) => Check(_destroy(communicator), "ncclCommDestroy");

    /// <summary>Stops what a communicator does, on the GPU too, and gives it up.</summary>
    public void Abort(nint communicator) => _ = _abort(communicator);

    /// <summary>Begins a reduction; both may be the same memory.</summary>
    public void AllReduce(nint from, nint to, long count, int type, int reduction, nint communicator, nint stream) =>
        Check(_allReduce(from, to, (nuint)count, type, reduction, communicator, stream), "ncclAllReduce", communicator);

    /// <summary>Begins to gather <paramref name="count"/> elements of every rank.</summary>
    public void AllGather(nint own, nint all, long count, int type, nint communicator, nint stream) =>
        Check(_allGather(own, all, (nuint)count, type, communicator, stream), "ncclAllGather", communicator);

    /// <summary>Begins to sum, of which a rank gets <paramref name="count"/> elements.</summary>
    public void ReduceScatter(nint all, nint own, long count, int type, nint communicator, nint stream) =>
        Check(_reduceScatter(all, own, (nuint)count, type, Sum, communicator, stream), "ncclReduceScatter", communicator);

    /// <summary>Begins to copy a rank's data to all.</summary>
    public void Broadcast(nint data, long count, int type, int root, nint communicator, nint stream) =>
        Check(_broadcast(data, data, (nuint)count, type, root, communicator, stream), "ncclBroadcast", communicator);

    private void Check(int code, string function, nint communicator = 0)
    {
        if (code is Success or InProgress)
        {
            return;
        }

        var meaning = Marshal.PtrToStringUTF8((nint)_getErrorString(code)) ?? $"code {code}";
        var last = Marshal.PtrToStringUTF8((nint)_getLastError(communicator))?.Trim().ReplaceLineEndings(" ");
        throw new CommunicationException($"{function}: {meaning}{(string.IsNullOrEmpty(last) ? "" : $" ({last})")}");
    }

    /// <summary><c>ncclConfig_t</c> as of 2.14.</summary>
    private struct Configuration
    {
        public nuint Size;
        public uint Magic;
        public uint Version;
        public int Blocking; // 0: no
    }
}
