using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>What a machine has and what its environment says, before anything is made of it.</summary>
internal sealed record MachineState
{
    public required HostState Host { get; init; }

    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    public required LibraryAnswer Torch { get; init; }

    /// <summary>MPI libraries: the one that is named, if one is, and those that may be there by themselves.</summary>
    public required IReadOnlyList<LibraryAnswer> Mpi { get; init; }

    public required LibraryAnswer Nccl { get; init; }

    /// <summary>Programs that start ranks, those first that are found first.</summary>
    public IReadOnlyList<LauncherProgram> Launchers { get; init; } = [];

    /// <summary><c>/dev/nvidia0</c> and so on.</summary>
    public IReadOnlyList<string> NvidiaDevices { get; init; } = [];

    /// <summary>Version of NVIDIA's kernel driver, where it is loaded.</summary>
    public string? NvidiaDriver { get; init; }

    /// <summary>The MPI library that the environment names.</summary>
    public string? NamedMpi => Variables.GetValueOrDefault(Distributed.Mpi.Variable) is { Length: > 0 } name ? name : null;

    /// <summary>The NCCL library that the environment names.</summary>
    public string? NamedNccl => Variables.GetValueOrDefault(Distributed.Nccl.Variable) is { Length: > 0 } name ? name : null;

    /// <summary>The libtorch that the environment names.</summary>
    public string? NamedTorch => Variables.GetValueOrDefault("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null;

    /// <summary>Libraries of MPI that work, a file once.</summary>
    public IEnumerable<LibraryAnswer> UsableMpi => Mpi.Where(library => library.IsUsable).DistinctBy(library => library.Path);

    /// <summary>The library that ranks started so would use; null where there is none.</summary>
    public LibraryAnswer? MpiFor(Launcher launcher) => NamedMpi is { } named
        ? Mpi.FirstOrDefault(library => library.Name == named && library.IsUsable)
        : Distributed.Mpi.Candidates(launcher).Select(name => Mpi.FirstOrDefault(library => library.Name == name)).FirstOrDefault(l => l?.IsUsable == true);

    /// <summary>Whether ranks started so would find one another: an MPI starts only its own.</summary>
    public bool Belongs(Launcher launcher) => MpiFor(launcher) is { } library && library.IsOpenMpi == (launcher == Launcher.OpenMpi);

    /// <summary>The name of an MPI.</summary>
    public static string NameOf(Launcher family) => family == Launcher.OpenMpi ? "Open MPI" : "MPICH";

    /// <inheritdoc cref="NameOf(Launcher)"/>
    public static string NameOf(LibraryAnswer library) => NameOf(library.IsOpenMpi ? Launcher.OpenMpi : Launcher.Mpich);
}
