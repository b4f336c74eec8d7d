using System.Runtime.InteropServices;
using System.Text;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>
/// The functions of an MPI library that ranks speak through, found at run time. There are two binary interfaces: that of Open MPI,
/// whose handles are addresses of exported symbols, and that of MPICH (also Intel MPI, MVAPICH, Cray MPICH), whose handles are
/// numbers. Handles go through registers as 64 bits in both; the upper half of a number is not looked at.
/// </summary>
internal sealed unsafe class Mpi
{
    /// <summary>The environment variable that names the library where it is not found by itself, or another is wanted.</summary>
    public const string Variable = "SELFSUP_MPI";

    private const int Serialized = 2;
    private const int LongestText = 8192; // MPICH's version is a page of text

    private static readonly string[] _openMpi = ["libmpi.so.40", "libmpi.so.80", "libmpi.so"];
    private static readonly string[] _mpich = ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12", "libmpich.so"];

    private readonly nint _library;
    private readonly nint _world;
    private readonly delegate* unmanaged[Cdecl]<void*, void*, int, int*, int> _initThread;
    private readonly delegate* unmanaged[Cdecl]<int*, int> _initialized;
    private readonly delegate* unmanaged[Cdecl]<int*, int> _finalized;
    private readonly delegate* unmanaged[Cdecl]<int> _finalize;
    private readonly delegate* unmanaged[Cdecl]<nint, int, int> _abort;
    private readonly delegate* unmanaged[Cdecl]<nint, nint*, int> _duplicate;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int> _rank;
    private readonly delegate* unmanaged[Cdecl]<nint, int*, int> _size;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged[Cdecl]<int, byte*, int*, int> _errorString;
    private readonly delegate* unmanaged[Cdecl]<byte*, int*, int> _version;
    private readonly delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, nint*, int> _allReduce;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int> _allGather;
    private readonly delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, nint*, int> _reduceScatter;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int> _broadcast;
    private readonly delegate* unmanaged[Cdecl]<nint, nint*, int> _barrier;
    private readonly delegate* unmanaged[Cdecl]<nint*, int*, void*, int> _test;
    private readonly void* _inPlace;
    private readonly void* _ignoreStatus;

    private Mpi(nint library, string path)
    {
        (_library, Path) = (library, path);
        IsOpenMpi = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _);
        _initThread = (delegate* unmanaged[Cdecl]<void*, void*, int, int*, int>)Export("MPI_Init_thread");
        _initialized = (delegate* unmanaged[Cdecl]<int*, int>)Export("MPI_Initialized");
        _finalized = (delegate* unmanaged[Cdecl]<int*, int>)Export("MPI_Finalized");
        _finalize = (delegate* unmanaged[Cdecl]<int>)Export("MPI_Finalize");
        _abort = (delegate* unmanaged[Cdecl]<nint, int, int>)Export("MPI_Abort");
        _duplicate = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("MPI_Comm_dup");
        _rank = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_rank");
        _size = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_size");
        _setErrorHandler = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export("MPI_Comm_set_errhandler");
        _errorString = (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Export("MPI_Error_string");
        _version = (delegate* unmanaged[Cdecl]<byte*, int*, int>)Export("MPI_Get_library_version");
        _allReduce = (delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, nint*, int>)Export("MPI_Iallreduce");
        _allGather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int>)Export("MPI_Iallgather");
        _reduceScatter = (delegate* unmanaged[Cdecl]<void*, void*, int, nint, nint, nint, nint*, int>)Export("MPI_Ireduce_scatter_block");
        _broadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int>)Export("MPI_Ibcast");
        _barrier = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Export("MPI_Ibarrier");
        _test = (delegate* unmanaged[Cdecl]<nint*, int*, void*, int>)Export("MPI_Test");
        _inPlace = (void*)(IsOpenMpi ? 1 : -1);
        _ignoreStatus = (void*)(IsOpenMpi ? 0 : 1);
        _world = Handle("ompi_mpi_comm_world", 0x44000000);
        (Float, Double) = (Handle("ompi_mpi_float", 0x4c00040a), Handle("ompi_mpi_double", 0x4c00080b));
        (Int64, Byte) = (Handle("ompi_mpi_int64_t", 0x4c00083a), Handle("ompi_mpi_uint8_t", 0x4c00013b));
        (Max, Min, Sum) = (
            Handle("ompi_mpi_op_max", 0x58000001), Handle("ompi_mpi_op_min", 0x58000002), Handle("ompi_mpi_op_sum", 0x58000003));
    }

    /// <summary>The file it was loaded from, as the system was asked for it.</summary>
    public string Path { get; }

    /// <summary>Whether it is Open MPI; else its interface is MPICH's.</summary>
    public bool IsOpenMpi { get; }

    /// <summary>Element types.</summary>
    public nint Float { get; }

    /// <inheritdoc cref="Float"/>
    public nint Double { get; }

    /// <inheritdoc cref="Float"/>
    public nint Int64 { get; }

    /// <inheritdoc cref="Float"/>
    public nint Byte { get; }

    /// <summary>Reductions.</summary>
    public nint Sum { get; }

    /// <inheritdoc cref="Sum"/>
    public nint Max { get; }

    /// <inheritdoc cref="Sum"/>
    public nint Min { get; }

    /// <summary>The library's own name and version, its first line.</summary>
    public string Version
    {
        get
        {
            var text = stackalloc byte[LongestText];
            int length;
            Check(_version(text, &length), "MPI_Get_library_version");
            var whole = Encoding.UTF8.GetString(text, length).TrimEnd('\0');
            if (IsOpenMpi)
            {
                return whole.Split(',')[0]; // Open MPI v4.1.4, package: ...
            }

            string[] words = [.. whole.Split('\n')[0].Split([' ', '\t', ':'], StringSplitOptions.RemoveEmptyEntries)];
            return words is ["MPICH", "Version", var version, ..] ? $"MPICH {version}" : string.Join(' ', words);
        }
    }

    /// <summary>The library that this process was started for, or the only one there is.</summary>
    /// <param name="named">The one that <see cref="Variable"/> names, or null.</param>
    /// <param name="launcher">What started the process: an MPI starts only its own.</param>
    /// <exception cref="CommunicationException">None can be loaded.</exception>
    public static Mpi Load(string? named, Launcher launcher)
    {
        if (named is not null)
        {
            return TryLoad(named, out var reason) ?? throw new CommunicationException(
                $"{Variable}={named}: is no MPI library ({reason}); name the file, such as libmpi.so.40 or /usr/lib/libmpich.so.12, or unset it");
        }

        var (library, reasons) = RuntimeLibrary.FirstOf(Candidates(launcher), path => (TryLoad(path, out var reason), reason));
        return library ?? throw new CommunicationException(
            $"MPI: no library is found ({string.Join("; ", reasons)}); install Open MPI (openmpi-bin) or MPICH (mpich), or let {Variable} name it");
    }

    /// <summary>Loads a library.</summary>
    /// <param name="path">A file, or a name that the system's loader finds.</param>
    /// <param name="reason">Why it cannot be used.</param>
    /// <returns>The library, or null.</returns>
    public static Mpi? TryLoad(string path, out string reason)
    {
        // UCX, which both may use, takes SIGSEGV when it is loaded and would make a crash of every NullReferenceException that is caught.
        Tensors.NativeEnvironment.Set("UCX_ERROR_SIGNALS", "", keepsExisting: false);
        return RuntimeLibrary.TryLoad(
            path,
            library =>
            {
                try
                {
                    return new Mpi(library, path);
                }
                catch (EntryPointNotFoundException e)
                {
                    throw new EntryPointNotFoundException("it has not all functions of MPI 3", e);
                }
            },
            out reason);
    }

    /// <summary>Libraries that may be there, those of a launcher first.</summary>
    public static IEnumerable<string> Candidates(Launcher launcher) =>
        launcher == Launcher.Mpich ? [.. _mpich, .. _openMpi] : [.. _openMpi, .. _mpich];

    /// <summary>Begins MPI, on the thread that will make all calls.</summary>
    /// <returns>A communicator of our own over all processes.</returns>
    /// <exception cref="CommunicationException">It cannot.</exception>
    public nint Initialise()
    {
        int done, provided;
        Check(_initialized(&done), "MPI_Initialized");
        if (done == 0)
        {
            Check(_initThread(null, null, Serialized, &provided), "MPI_Init_thread");
            if (provided < Serialized)
            {
                throw new CommunicationException(
                    $"{Path}: {Version} was built without threads (it offers level {provided}, needed is {Serialized}); use another build of it");
            }
        }

        nint own;
        // Errors come back as codes, of the world and of what is made of it: by default they end the process.
        Check(_setErrorHandler(_world, Handle("ompi_mpi_errors_return", 0x54000001)), "MPI_Comm_set_errhandler");
        Check(_duplicate(_world, &own), "MPI_Comm_dup");
        return own;
    }

    /// <summary>Ends MPI: every rank must come here.</summary>
    public void Shutdown()
    {
        int done;
        Check(_finalized(&done), "MPI_Finalized");
        if (done == 0)
        {
            Check(_finalize(), "MPI_Finalize");
        }
    }

    /// <summary>Ends all processes of the job at once.</summary>
    public void Abort(int exitCode) => _ = _abort(_world, exitCode);

    /// <summary>The caller's rank in a communicator, and how many there are.</summary>
    public (int Rank, int Ranks) Place(nint communicator)
    {
        int rank, size;
        Check(_rank(communicator, &rank), "MPI_Comm_rank");
        Check(_size(communicator, &size), "MPI_Comm_size");
        return (rank, size);
    }

    /// <summary>Begins a reduction in place.</summary>
    public void AllReduce(void* data, int count, nint type, nint operation, nint communicator, nint* request) =>
        Check(_allReduce(_inPlace, data, count, type, operation, communicator, request), "MPI_Iallreduce");

    /// <summary>Begins to gather <paramref name="count"/> elements of every rank.</summary>
    public void AllGather(void* own, void* all, int count, nint type, nint communicator, nint* request) =>
        Check(_allGather(own, count, type, all, count, type, communicator, request), "MPI_Iallgather");

    /// <summary>Begins to sum, of which a rank gets <paramref name="count"/> elements.</summary>
    public void ReduceScatter(void* all, void* own, int count, nint type, nint communicator, nint* request) =>
        Check(_reduceScatter(all, own, count, type, Sum, communicator, request), "MPI_Ireduce_scatter_block");

    /// <summary>Begins to copy a rank's data to all.</summary>
    public void Broadcast(void* data, int count, nint type, int root, nint communicator, nint* request) =>
        Check(_broadcast(data, count, type, root, communicator, request), "MPI_Ibcast");

    /// <summary>Begins to wait for all.</summary>
    public void Barrier(nint communicator, nint* request) => Check(_barrier(communicator, request), "MPI_Ibarrier");

    /// <summary>Whether an operation is done; it gets on only when it is asked.</summary>
    public bool IsDone(nint* request)
    {
        int done;
        Check(_test(request, &done, _ignoreStatus), "MPI_Test");
        return done != 0;
    }

    private void Check(int code, string function)
    {
        if (code == 0)
        {
            return;
        }

        var text = stackalloc byte[LongestText];
        int length;
        var said = _errorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"code {code}";
        throw new CommunicationException($"{function}: {said.TrimEnd('\0').ReplaceLineEndings(" ")}");
    }

    private nint Handle(string symbol, int number) => IsOpenMpi ? NativeLibrary.GetExport(_library, symbol) : number;

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);
}
