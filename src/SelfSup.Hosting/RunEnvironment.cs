using System.Collections;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Telemetry;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Hosting;

/// <summary>What a run takes from the environment: the same for the command line and for hosts.</summary>
internal static class RunEnvironment
{
    /// <summary>Of one operation on GPUs: ranks that are gone are noticed sooner, ones that judge the backbone take long.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromHours(2);

    /// <summary>Until all ranks are there: batch systems start them within minutes.</summary>
    private static readonly TimeSpan _patienceToJoin = TimeSpan.FromMinutes(10);

    /// <summary>The variables that replace settings.</summary>
    public static Dictionary<string, string> Settings() => Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .Where(v => ((string)v.Key).StartsWith(RecipeReader.EnvironmentPrefix, StringComparison.Ordinal))
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");

    /// <summary>OpenTelemetry's variables.</summary>
    public static Dictionary<string, string> Telemetry() => Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .Where(v => ((string)v.Key).StartsWith(OpenTelemetrySettings.Prefix, StringComparison.Ordinal))
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");

    /// <summary>Which rank this process is: <see cref="RankEnvironment"/> reads the variables of launchers.</summary>
    /// <exception cref="CommunicationException">They contradict themselves.</exception>
    public static RankEnvironment Ranks() => RankEnvironment.Of(Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? ""));

    /// <summary>The MPI library that <see cref="Mpi.Variable"/> names, or null.</summary>
    public static string? MpiLibrary() => Variable(Mpi.Variable);

    /// <summary>The program that <see cref="Supervision.MpiProgram.Variable"/> names, or null.</summary>
    public static string? MpiProgram() => Variable(Supervision.MpiProgram.Variable);

    /// <summary>Which GPUs may be seen, as CUDA reads it; null where nothing says so.</summary>
    public static string? VisibleGpus() => Environment.GetEnvironmentVariable(Supervision.RankStarter.VisibleDevices);

    /// <summary>The folders of PATH.</summary>
    public static string? SearchPath() => Environment.GetEnvironmentVariable("PATH");

    /// <summary>Loads libtorch, from the folder that SELFSUP_LIBTORCH names if it is set.</summary>
    public static void LoadTorch() =>
        TorchRuntime.Initialise(TorchFolder());

    /// <summary>Joins the other ranks; libtorch is loaded.</summary>
    /// <param name="place">Which rank this process is.</param>
    /// <param name="gpu">The GPU it computes on, or null for the CPU: GPUs speak through NCCL, CPUs through MPI.</param>
    /// <exception cref="CommunicationException">They cannot be joined.</exception>
    public static Communicator Join(RankEnvironment place, int? gpu)
    {
        if (place.Ranks == 1)
        {
            return Communicator.Single;
        }

        // Those that PyTorch's variables tell of one another have no MPI between them.
        var mpi = place.Launcher == Launcher.Torch ? null : JoinMpi(place);
        RequireAlike(mpi, gpu);
        if (gpu is null)
        {
            return mpi ?? throw new CommunicationException(
                $"WORLD_SIZE={place.Ranks}: ranks on CPUs speak through MPI, and torchrun has none; start them with mpirun, or with --devices cpu:N");
        }

        return NcclCommunicator.Join(
            Nccl.Load(Variable(Nccl.Variable), TorchFolder()),
            CudaRuntime.Load(Variable(CudaRuntime.Variable), TorchFolder()),
            place,
            gpu.Value,
            _patienceToJoin,
            _patience,
            mpi);
    }

    /// <summary>The GPU of a rank that computes on one; null where it computes on the CPU.</summary>
    /// <param name="place">Which rank it is.</param>
    /// <param name="device">What its recipe asks for.</param>
    /// <exception cref="CommunicationException">There is none for it.</exception>
    public static int? Gpu(RankEnvironment place, Device device) => device.type != TorchSharp.DeviceType.CUDA
        ? null
        : place.Ranks == 1 && place.Device is null ? 0 : place.DeviceAmong(cuda.device_count());

    /// <summary>Says how busy a GPU is, or null where nothing does. The driver's library is loaded when it is asked for the first time.</summary>
    /// <param name="gpu">Which, as CUDA counts.</param>
    public static Func<GpuReading?> GpuReader(int gpu)
    {
        var reader = new Lazy<Func<GpuReading?>?>(() =>
            RuntimeLibrary.FirstOf(CudaRuntime.Candidates(TorchFolder()), path => (CudaRuntime.TryLoad(path, out var reason), reason)).Library?.BusId(gpu)
                is { } busId
                ? Nvml.Reader(busId)
                : null);
        return () => reader.Value?.Invoke();
    }

    /// <summary>Cores of this process: its share of the machine's, where it is one of several there and nobody has bound it to some.</summary>
    /// <param name="place">Which rank it is.</param>
    public static int Cores(RankEnvironment place)
    {
        var cores = Environment.ProcessorCount; // as --devices, or a binding to cores, has limited them
        return place.LocalRanks > 1 && Variable(Supervision.RankStarter.CoresVariable) is null && cores == MachineCores()
            ? Math.Max(1, cores / place.LocalRanks)
            : cores;
    }

    /// <summary>Cores that the system has, whoever may use them.</summary>
    private static int MachineCores()
    {
        try
        {
            return Directory.EnumerateDirectories("/sys/devices/system/cpu", "cpu*").Count(path => int.TryParse(Path.GetFileName(path)[3..], out _));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.ProcessorCount;
        }
    }

    /// <summary>All on GPUs or all on CPUs: they speak in different ways.</summary>
    private static void RequireAlike(MpiCommunicator? mpi, int? gpu)
    {
        if (mpi is null)
        {
            return; // NCCL is all that they have
        }

        var all = mpi.Gather(gpu is null ? $"a CPU ({Environment.MachineName})" : $"a GPU ({Environment.MachineName})");
        if (all.Select(where => where[..5]).Distinct().Count() > 1)
        {
            mpi.Dispose();
            throw new CommunicationException(
                $"training.device: ranks compute on {string.Join(", ", all.Select((where, rank) => $"{rank}: {where}"))}; they must all be on GPUs or "
                + "all on CPUs: set cpu or cuda, see selfsup doctor there");
        }
    }

    private static MpiCommunicator JoinMpi(RankEnvironment place)
    {
        var mpi = Mpi.Load(MpiLibrary(), place.Launcher);
        var ranks = MpiCommunicator.Join(mpi);
        if (ranks.Ranks == place.Ranks)
        {
            return ranks;
        }

        var found = ranks.Ranks;
        ranks.Dispose();
        throw new CommunicationException(
            $"{mpi.Path}: sees {found} ranks, what started them ({place.Launcher}) says {place.Ranks}; the library must belong to it: let "
            + $"{Mpi.Variable} name the right one, see selfsup doctor");
    }

    private static string? TorchFolder() => Variable("SELFSUP_LIBTORCH");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
