using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

using SelfSup.Distributed;

namespace SelfSup.Hosting.Supervision;

/// <summary>
/// Starts the ranks of a run on this machine: a process for each GPU, or ranks on the CPU by <c>mpirun</c>. The cores are shared
/// equally among them, unless the recipe says <c>run.threads</c>.
/// </summary>
/// <param name="rank">What each of them runs.</param>
/// <param name="devices">Where they compute.</param>
/// <param name="mpi">The <c>mpirun</c>; null where it is not needed.</param>
internal sealed class RankStarter(ProcessStartInfo rank, RankDevices devices, MpiProgram? mpi) : IRunStarter
{
    /// <summary>The variable by which .NET is told how many cores a process has.</summary>
    public const string CoresVariable = "DOTNET_PROCESSOR_COUNT";

    /// <summary>The variable that hides GPUs.</summary>
    public const string VisibleDevices = "CUDA_VISIBLE_DEVICES";

    /// <summary>What other launchers have set for this process does not hold for what it starts.</summary>
    private static readonly string[] _notInherited =
    [
        "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID",
        "TORCHELASTIC_USE_AGENT_STORE", RankEnvironment.DeviceVariable,
    ];

    private RankDevices _devices = devices;

    /// <summary>Fewer than so many ranks must not go on; null where the run must not go on without a rank.</summary>
    public int? Least { get; init; }

    /// <summary>Images in a step, over all ranks.</summary>
    public int GlobalBatch { get; init; }

    /// <summary>Cores of this machine.</summary>
    public int Cores { get; init; } = Environment.ProcessorCount;

    /// <summary>How long ranks may outlive one that has failed.</summary>
    public TimeSpan Patience { get; init; } = RankGroup.Patience;

    /// <summary>Whether the user is root.</summary>
    public bool IsRoot { get; init; } = Environment.IsPrivilegedProcess;

    /// <summary>The folders of PATH.</summary>
    public string? SearchPath { get; init; }

    /// <summary>The MPI library that the user has named, or null.</summary>
    public string? MpiLibrary { get; init; }

    /// <inheritdoc/>
    public int Ranks => _devices.Ranks;

    /// <inheritdoc/>
    public IRunProcess Start()
    {
        if (_devices.Gpus is { } gpus)
        {
            var port = FreePort();
            return RankGroup.Start([.. gpus.Select((gpu, index) => OnGpu(index, gpu, port))], Patience);
        }

        return Ranks == 1
            ? SupervisedProcess.Start(OnCpu(Copy(rank)))
            : MpiRanks.Start(folder => OnCpu(UnderMpi(folder)), Ranks, Patience);
    }

    /// <inheritdoc/>
    public string? GoOnWithout(int lost)
    {
        if (Least is not { } least || _devices.Without(lost, least, GlobalBatch) is not { } fewer)
        {
            return null;
        }

        var left = _devices.Gpus is { } gpus && lost < gpus.Count ? $"rank {Text(lost)} (GPU {Text(gpus[lost])})" : $"rank {Text(lost)}";
        _devices = fewer;
        return left;
    }

    /// <summary>The process of a rank on a GPU.</summary>
    internal ProcessStartInfo OnGpu(int index, int gpu, int port)
    {
        var start = Shared(Copy(rank));
        start.Environment["RANK"] = start.Environment["LOCAL_RANK"] = Text(index);
        start.Environment["WORLD_SIZE"] = start.Environment["LOCAL_WORLD_SIZE"] = Text(Ranks);
        start.Environment["MASTER_ADDR"] = "127.0.0.1";
        start.Environment["MASTER_PORT"] = Text(port);
        start.Environment[RankEnvironment.DeviceVariable] = Text(gpu);
        return start;
    }

    /// <summary>The process that starts all ranks on the CPU.</summary>
    internal ProcessStartInfo UnderMpi(string folder)
    {
        var start = mpi!.Command(rank, Ranks, folder, IsRoot, MpiProgram.Named("setsid", SearchPath));
        start.Environment[SupervisorLink.Variable] = SupervisorLink.StandardInput;
        if (MpiLibrary is null && mpi.Library is { } library)
        {
            start.Environment[Mpi.Variable] = library;
        }

        return start;
    }

    private ProcessStartInfo OnCpu(ProcessStartInfo start)
    {
        start.Environment[VisibleDevices] = ""; // a machine's GPUs are not for these
        return Shared(start);
    }

    private ProcessStartInfo Shared(ProcessStartInfo start)
    {
        foreach (var name in _notInherited)
        {
            start.Environment.Remove(name);
        }

        start.Environment[CoresVariable] = Text(Math.Max(1, Cores / Ranks));
        return start;
    }

    private static ProcessStartInfo Copy(ProcessStartInfo start) => new(start.FileName, start.ArgumentList) { UseShellExecute = false };

    /// <summary>A port that is free now, and very likely still when the first rank takes it.</summary>
    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
