using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>Which rank a process is, by the variables that what started it has set.</summary>
/// <param name="Rank">From 0.</param>
/// <param name="Ranks">R.</param>
/// <param name="LocalRank">Among those on this machine, from 0: which GPU is its own.</param>
/// <param name="Launcher">What started it.</param>
internal sealed record RankEnvironment(int Rank, int Ranks, int LocalRank, Launcher Launcher)
{
    /// <summary>A process that was started by itself.</summary>
    public static RankEnvironment Alone { get; } = new(0, 1, 0, Launcher.None);

    /// <summary>Where the first rank is found, <c>MASTER_ADDR</c>; null where nothing says so.</summary>
    public string? MasterAddress { get; init; }

    /// <summary>A free port there: <c>MASTER_PORT</c>, or the next one where torchrun's agent has taken that for itself.</summary>
    public int? MasterPort { get; init; }

    /// <summary>Reads the variables.</summary>
    /// <param name="variables">The environment.</param>
    /// <exception cref="CommunicationException">One is no number, or out of range.</exception>
    public static RankEnvironment Of(IReadOnlyDictionary<string, string> variables)
    {
        var found =
            Read("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", Launcher.OpenMpi)
            ?? Read("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", Launcher.Mpich)
            // Of a step that srun has started; the script of a batch job has SLURM_NTASKS too, and is no rank.
            ?? Read("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", Launcher.Slurm)
            ?? Read("RANK", "WORLD_SIZE", "LOCAL_RANK", Launcher.Torch)
            ?? Alone;
        return found with
        {
            MasterAddress = variables.GetValueOrDefault("MASTER_ADDR"),
            MasterPort = variables.ContainsKey("MASTER_PORT") ? FreePort() : null,
        };

        // The agent keeps its store at the port and says so; a rank that listened there, too, would find it in use.
        int FreePort() => variables.GetValueOrDefault("TORCHELASTIC_USE_AGENT_STORE") == "True"
            ? Number("MASTER_PORT", 1, ushort.MaxValue - 1) + 1
            : Number("MASTER_PORT", 1, ushort.MaxValue);

        RankEnvironment? Read(string rank, string ranks, string localRank, Launcher launcher)
        {
            if (!variables.ContainsKey(rank) || !variables.ContainsKey(ranks))
            {
                return null;
            }

            var size = Number(ranks, 1, int.MaxValue);
            return new RankEnvironment(
                Number(rank, 0, size - 1), size, variables.ContainsKey(localRank) ? Number(localRank, 0, size - 1) : 0, launcher);
        }

        int Number(string name, int least, int most) =>
            int.TryParse(variables[name], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
                ? number
                : throw new CommunicationException(
                    $"{name}={variables[name]}: must be a whole number from {least} to {most}; start the ranks with mpirun, srun or torchrun, " +
                    "or unset it");
    }
}
