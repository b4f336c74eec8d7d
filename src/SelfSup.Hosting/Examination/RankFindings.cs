using SelfSup.Distributed;
using SelfSup.Errors;

namespace SelfSup.Hosting.Examination;

/// <summary>Says which rank the variables of a launcher make of this process.</summary>
internal static class RankFindings
{
    private static readonly (string Rank, string Ranks, string Who)[] _pairs =
    [
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun of Open MPI"),
        ("PMI_RANK", "PMI_SIZE", "mpiexec of MPICH"),
        ("RANK", "WORLD_SIZE", "torchrun"),
    ];

    /// <summary>Variables by which launchers tell ranks apart.</summary>
    private static readonly string[] _launch =
    [
        "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID",
        "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_JOB_ID", "SLURM_NTASKS", "RANK", "WORLD_SIZE", "LOCAL_RANK",
        "MASTER_ADDR", "MASTER_PORT",
    ];

    private static readonly string[] _settings = ["CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "LD_LIBRARY_PATH"];

    /// <summary>mpirun of Open MPI sets dozens of OMPI_MCA_ for itself; these are people's.</summary>
    private static readonly string[] _prefixes = ["NCCL_", "UCX_", "OMPI_MCA_btl", "OMPI_MCA_pml", "OMPI_MCA_coll", "MPIR_CVAR_", "TORCHELASTIC_", "PET_", "SELFSUP_"];

    public static FindingGroup Of(MachineState state) => new("this process", [.. Findings(state)]);

    /// <summary>Which rank it is, or null and what is wrong with the variables.</summary>
    internal static (RankEnvironment? Place, string? Failure) Place(MachineState state)
    {
        try
        {
            return (RankEnvironment.Of(state.Variables), null);
        }
        catch (CommunicationException e)
        {
            return (null, e.Message);
        }
    }

    private static IEnumerable<Finding> Findings(MachineState state)
    {
        if (Text(state, _launch.Contains) is { Length: > 0 } launch)
        {
            yield return Finding.Ok("launch", launch);
        }

        if (Text(state, name => _settings.Contains(name) || _prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { Length: > 0 } set)
        {
            yield return Finding.Ok("settings", set);
        }

        var (place, failure) = Place(state);
        if (place is null)
        {
            var cut = failure!.LastIndexOf("; ", StringComparison.Ordinal);
            yield return Finding.Wrong(
                "rank", cut > 0 ? failure[..cut] : failure, cut > 0 ? failure[(cut + 2)..] : "start ranks with mpirun, srun or torchrun, or unset it");
            yield break;
        }

        foreach (var (rank, ranks, who) in _pairs)
        {
            if (Has(rank) != Has(ranks))
            {
                var (there, other) = Has(rank) ? (rank, ranks) : (ranks, rank);
                yield return Finding.Wrong(
                    "rank",
                    $"{there}={state.Variables[there]} is set and {other} is not, so that it says nothing",
                    $"unset it to train alone, or start ranks with {who}, which sets both");
            }
        }

        yield return place.Ranks == 1
            ? Finding.Ok("rank", "the only one")
            : Finding.Ok(
                "rank",
                $"{place.Rank} of {place.Ranks}, number {place.LocalRank} on this machine, started by {NameOf(place.Launcher)}");
        if (place.Ranks > 1)
        {
            yield return Engine(state, place);
        }

        bool Has(string name) => state.Variables.GetValueOrDefault(name) is { Length: > 0 };
    }

    /// <summary>Through what ranks that were started so would speak.</summary>
    private static Finding Engine(MachineState state, RankEnvironment place)
    {
        var hasGpus = state.Torch.Devices.Count > 0 && state.Torch.DeviceFailure is null;
        if (hasGpus && state.Nccl.IsUsable)
        {
            return place.Launcher == Launcher.Torch && (place.MasterAddress is null || place.MasterPort is null)
                ? Finding.Wrong(
                    "engine",
                    "MASTER_ADDR and MASTER_PORT must say where rank 0 is, and are not both set",
                    "start with torchrun, which sets them, or set them to rank 0's address and a free port there")
                : Finding.Ok("engine", $"NCCL {state.Nccl.Version}");
        }

        if (place.Launcher == Launcher.Torch)
        {
            return Finding.Wrong(
                "engine",
                $"WORLD_SIZE={place.Ranks} by torchrun's variables is for GPUs, and {NoGpuEngine(state, hasGpus)}",
                "start CPU ranks with mpirun -np N, or with --devices cpu:N; or unset RANK and WORLD_SIZE to train alone");
        }

        var library = state.MpiFor(place.Launcher);
        return library is not null && (place.Launcher == Launcher.Slurm || state.Belongs(place.Launcher))
            ? Finding.Ok("engine", $"{library.Version}{(place.Launcher == Launcher.Slurm ? " (srun must speak its PMI: srun --mpi=list)" : "")}")
            : Finding.Wrong(
                "engine",
                library is null
                    ? $"{place.Ranks} ranks were started by {NameOf(place.Launcher)}, and there is no MPI library for them"
                    : $"{place.Ranks} ranks were started by {NameOf(place.Launcher)}, and the library is {library.Version}: each would be alone",
                state.NamedMpi is null
                    ? $"install the library of the MPI that starts the ranks, or let {Mpi.Variable} name it"
                    : $"unset {Mpi.Variable}, or start the ranks with the mpirun of the library that it names");
    }

    private static string NoGpuEngine(MachineState state, bool hasGpus) =>
        hasGpus ? $"{state.Nccl.Name} cannot be used ({state.Nccl.Failure})" : "libtorch sees none here";

    private static string NameOf(Launcher launcher) => launcher switch
    {
        Launcher.OpenMpi => "mpirun of Open MPI",
        Launcher.Mpich => "mpiexec of MPICH or a relative",
        Launcher.Slurm => "srun",
        Launcher.Torch => "torchrun or what sets its variables",
        _ => "itself",
    };

    private static string Text(MachineState state, Func<string, bool> which) => string.Join(
        " ", state.Variables.Where(v => which(v.Key)).OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => $"{v.Key}={v.Value}"));
}
