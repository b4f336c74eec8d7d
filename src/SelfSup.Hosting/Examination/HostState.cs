namespace SelfSup.Hosting.Examination;

/// <summary>The machine without its libraries. Sizes are in bytes, null where the system does not tell them.</summary>
internal sealed record HostState
{
    public required string System { get; init; }

    public required string Processor { get; init; }

    /// <summary>That this process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>That the machine has; null where the system does not tell.</summary>
    public int? MachineCores { get; init; }

    /// <summary>Of the widest vectors that kernels of ours use.</summary>
    public required int VectorBits { get; init; }

    public long? Memory { get; init; }

    public long? FreeMemory { get; init; }

    /// <summary>What the control group of the process may use, where it is limited.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>Of <c>/dev/shm</c>, through which ranks of a machine exchange.</summary>
    public long? SharedMemory { get; init; }

    /// <summary>InfiniBand and RoCE ports with their rates, <c>mlx5_0 400 Gb/sec (4X NDR)</c>.</summary>
    public IReadOnlyList<string> FastPorts { get; init; } = [];
}
