using SelfSup.Telemetry;

namespace SelfSup.Training;

/// <summary>What passes between a run and the program around it while it trains.</summary>
internal sealed class RunControls
{
    /// <summary>Asks for a checkpoint.</summary>
    public CheckpointRequest Checkpoint { get; init; } = new();

    /// <summary>Says whether the run still moves.</summary>
    public Heartbeat Heartbeat { get; } = new();

    /// <summary>Settings, or sections of them, that may differ from those the run was started with.</summary>
    public IReadOnlyCollection<string> AllowedChanges { get; init; } = [];

    /// <summary>What the program does about a run that hangs; null where nobody watches.</summary>
    public IHangResponse? OnHang { get; init; }

    /// <summary>The GPU to train on where there are several; null for the first.</summary>
    public int? Gpu { get; init; }

    /// <summary>Says how busy the GPU is; null where there is none, or nothing that says so.</summary>
    public Func<GpuReading?>? ReadGpu { get; init; }

    /// <summary>Cores of this process, of those of the machine, for the network and what feeds it.</summary>
    public int Cores { get; init; } = Environment.ProcessorCount;

    /// <summary>Called when the ranks know of one another: from then on the first is told what ends any of them.</summary>
    public Action? OnJoined { get; init; }

    /// <summary>The signal that told the run to stop; null where it was none.</summary>
    public Func<StopSignal?> StoppedBy { get; init; } = () => null;
}

/// <summary>A signal that tells a run to stop.</summary>
/// <param name="Name">As the system calls it: SIGTERM.</param>
/// <param name="ExitCode">What the program ends with after it.</param>
internal sealed record StopSignal(string Name, int ExitCode);
