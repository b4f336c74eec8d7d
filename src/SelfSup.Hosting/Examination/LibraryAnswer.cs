using System.Text.Json.Serialization;

namespace SelfSup.Hosting.Examination;

/// <summary>What was found of a native library, by a process that loaded it.</summary>
internal sealed record LibraryAnswer
{
    /// <summary>What was asked for: a file, or a name that the system's loader finds.</summary>
    public required string Name { get; init; }

    /// <summary>The file that it is.</summary>
    public string? Path { get; init; }

    public string? Version { get; init; }

    /// <summary>Why it cannot be used; null where it can.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether there is no such library.</summary>
    public bool IsAbsent { get; init; }

    /// <summary>Of MPI: whether it is Open MPI; else it is MPICH or a relative.</summary>
    public bool IsOpenMpi { get; init; }

    /// <summary>Of libtorch: the instructions that it uses on this processor.</summary>
    public string? Capability { get; init; }

    /// <summary>Of libtorch: whether it was built for CUDA.</summary>
    public bool IsForCuda { get; init; }

    /// <summary>Of libtorch: the GPUs that it sees.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Of libtorch: why it sees GPUs and cannot compute on one.</summary>
    public string? DeviceFailure { get; init; }

    [JsonIgnore]
    public bool IsUsable => Failure is null;
}
