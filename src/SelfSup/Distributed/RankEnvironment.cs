using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>
/// Which rank a process is, by the variables that what started it has set. Where several have done so, such as <c>srun</c> that
/// starts a <c>torchrun</c> on every machine, the one nearest to the process counts.
/// </summary>
/// <param name="Rank">From 0.</param>
/// <param name="Ranks">R.</param>
/// <param name="LocalRank">Among those on this machine, from 0: which GPU is its own.</param>
/// <param name="Launcher">What started it.</param>
internal sealed record RankEnvironment(int Rank, int Ranks, int LocalRank, Launcher Launcher)
{
    /// <summary>The variable by which <c>--devices</c> tells a rank which GPU is its own.</summary>
    public const string DeviceVariable = "SELFSUP_DEVICE";

    private const string ElasticRun = "TORCHELASTIC_RUN_ID";

    /// <summary>What says the rank on this machine where MPICH or a relative has started it; each has another name for it.</summary>
    private static readonly string[] _localRanksOfMpich =
        ["MPI_LOCALRANKID", "PMI_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK", "PALS_LOCAL_RANKID", "SLURM_LOCALID"];

    /// <summary>What says how many ranks are on this machine.</summary>
    private static readonly string[] _localCounts =
        ["LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"];

    /// <summary>A process that was started by itself.</summary>
    public static RankEnvironment Alone { get; } = new(0, 1, 0, Launcher.None);

    /// <summary>Where the first rank is found, <c>MASTER_ADDR</c>; null where nothing says so.</summary>
    public string? MasterAddress { get; init; }

    /// <summary>A free port there: <c>MASTER_PORT</c>, or the next one where torchrun's agent has taken that for itself.</summary>
    public int? MasterPort { get; init; }

    /// <summary>The GPU that <c>--devices</c> has named; null where nothing but <see cref="LocalRank"/> says which it is.</summary>
    public int? Device { get; init; }

    /// <summary>How many ranks are on this machine; 0 where nothing says so.</summary>
    public int LocalRanks { get; init; }

    /// <summary>Reads the variables.</summary>
    /// <param name="variables">The environment.</param>
    /// <exception cref="CommunicationException">One is no number, or out of range, or they are those of another process.</exception>
    public static RankEnvironment Of(IReadOnlyDictionary<string, string> variables)
    {
        // The script of a batch job has SLURM_PROCID=0 and SLURM_NTASKS too, and is no rank; tasks of srun have SLURM_STEP_NUM_TASKS.
        var found =
            (Has(DeviceVariable) || Has(ElasticRun) ? Torch() : null)
            ?? Read("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", Launcher.OpenMpi, "OMPI_COMM_WORLD_LOCAL_RANK")
            ?? Read("PMI_RANK", "PMI_SIZE", Launcher.Mpich, _localRanksOfMpich)
            ?? Read("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", Launcher.Slurm, "SLURM_LOCALID")
            ?? Torch()
            ?? Alone;
        if (found.Launcher is Launcher.Torch or Launcher.None)
        {
            RequireOwnVariables();
        }

        return found with
        {
            MasterAddress = variables.GetValueOrDefault("MASTER_ADDR"),
            MasterPort = Has("MASTER_PORT") ? FreePort() : null,
            LocalRanks = Array.Find(_localCounts, Has) is { } count && int.TryParse(variables[count], NumberStyles.None, CultureInfo.InvariantCulture, out var here)
                ? here
                : 0,
            Device = Has(DeviceVariable) ? Number(DeviceVariable, 0, int.MaxValue) : null,
        };

        // The agent keeps its store at the port and says so; a rank that listened there, too, would find it in use.
        int FreePort() => variables.GetValueOrDefault("TORCHELASTIC_USE_AGENT_STORE") == "True"
            ? Number("MASTER_PORT", 1, ushort.MaxValue - 1) + 1
            : Number("MASTER_PORT", 1, ushort.MaxValue);

        RankEnvironment? Torch() => Read("RANK", "WORLD_SIZE", Launcher.Torch, "LOCAL_RANK");

        RankEnvironment? Read(string rank, string ranks, Launcher launcher, params string[] localRanks)
        {
            if (!Has(rank) || !Has(ranks))
            {
                return null;
            }

            var size = Number(ranks, 1, int.MaxValue);
            return new RankEnvironment(
                Number(rank, 0, size - 1), size, Array.Find(localRanks, Has) is { } localRank ? Number(localRank, 0, size - 1) : 0, launcher);
        }

        // A pod of a PyTorchJob for several processes, or for a changing number of pods, leaves it to torchrun to start them.
        void RequireOwnVariables()
        {
            const string Instead = "start it with torchrun --no-python selfsup ..., which starts them";
            if (!Has("LOCAL_RANK") && int.TryParse(variables.GetValueOrDefault("PET_NPROC_PER_NODE"), out var processes) && processes > 1)
            {
                throw new CommunicationException(
                    $"PET_NPROC_PER_NODE={processes}: this pod is for {processes} processes and this is one of its own; {Instead}, or leave out nprocPerNode");
            }

            if (found.Launcher == Launcher.None && Has("PET_RDZV_ENDPOINT"))
            {
                throw new CommunicationException(
                    $"PET_RDZV_ENDPOINT={variables["PET_RDZV_ENDPOINT"]}: this pod is one of several and nothing says which (RANK, WORLD_SIZE); {Instead}");
            }
        }

        bool Has(string name) => variables.GetValueOrDefault(name) is { Length: > 0 };

        int Number(string name, int least, int most) =>
            int.TryParse(variables[name], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
                ? number
                : throw new CommunicationException(
                    $"{name}={variables[name]}: must be a whole number from {least} to {most}; start the ranks with mpirun, srun or torchrun, " +
                    "or unset it");
    }

    /// <summary>Which of the GPUs that this process sees is its own.</summary>
    /// <param name="visible">How many it sees. Where it sees one, that is it: batch systems may show each rank its own only.</param>
    /// <exception cref="CommunicationException">It has none.</exception>
    public int DeviceAmong(int visible)
    {
        var device = Device ?? (visible == 1 ? 0 : LocalRank);
        return device < visible
            ? device
            : throw new CommunicationException(
                $"rank {Rank}: its GPU is number {device} of this machine, of which {visible} can be seen here (CUDA_VISIBLE_DEVICES); " +
                "start no more ranks on a machine than it has GPUs");
    }
}
