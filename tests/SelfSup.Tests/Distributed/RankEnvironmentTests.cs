using SelfSup.Distributed;
using SelfSup.Errors;

namespace SelfSup.Tests.Distributed;

/// <summary>The variables are those that the launchers set: recorded, or from their sources where the launcher is not at hand.</summary>
public sealed class RankEnvironmentTests
{
    private const string OpenMpi = """
        OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 OMPI_COMM_WORLD_NODE_RANK=1 OMPI_COMM_WORLD_RANK=3
        OMPI_COMM_WORLD_SIZE=4 OMPI_UNIVERSE_SIZE=4 PMIX_RANK=3 PMIX_NAMESPACE=894238721 PMIX_VERSION=4.2.2rc2
        """;

    private const string Hydra = "MPI_LOCALNRANKS=2 MPI_LOCALRANKID=1 PMI_FD=8 PMI_RANK=3 PMI_SIZE=4 HYDI_CONTROL_FD=7";

    private const string Srun = """
        SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=3 SLURM_LOCALID=1 SLURM_NODEID=1 SLURM_NTASKS=4 SLURM_NPROCS=4
        SLURM_STEP_NUM_TASKS=4 SLURM_STEP_NUM_NODES=2 SLURM_STEP_TASKS_PER_NODE=2(x2)
        """;

    private const string Torchrun = """
        RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 GROUP_RANK=1 GROUP_WORLD_SIZE=2 ROLE_RANK=3 ROLE_WORLD_SIZE=4 ROLE_NAME=default
        MASTER_ADDR=node0 MASTER_PORT=29500 TORCHELASTIC_RUN_ID=none TORCHELASTIC_RESTART_COUNT=0 TORCHELASTIC_MAX_RESTARTS=0
        TORCHELASTIC_USE_AGENT_STORE=True
        """;

    private const string PyTorchJob = """
        PYTHONUNBUFFERED=1 RANK=3 WORLD_SIZE=4 MASTER_ADDR=job-master-0 MASTER_PORT=23456 PET_MASTER_ADDR=job-master-0 PET_MASTER_PORT=23456
        PET_NODE_RANK=3 PET_NNODES=4 PET_NPROC_PER_NODE=auto
        """;

    [Theory]
    [InlineData(OpenMpi, 1, (int)Launcher.OpenMpi)]
    [InlineData(Hydra, 1, (int)Launcher.Mpich)]
    [InlineData("PMI_RANK=3 PMI_SIZE=4 PMI_LOCAL_RANK=1 PALS_RANKID=3 PALS_LOCAL_RANKID=1", 1, (int)Launcher.Mpich)] // Cray
    [InlineData("PMI_RANK=3 PMI_SIZE=4 PMI_FD=5 PMI_JOBID=7.0 " + Srun, 1, (int)Launcher.Mpich)] // srun --mpi=pmi2
    [InlineData(Srun, 1, (int)Launcher.Slurm)]
    [InlineData("PMIX_RANK=3 PMIX_NAMESPACE=slurm.pmix.7.0 PMIX_SERVER_URI2=pmix-server.1 SLURM_PMIX_SRV_ABIL=x " + Srun, 1, (int)Launcher.Slurm)] // srun --mpi=pmix
    [InlineData(Torchrun, 1, (int)Launcher.Torch)]
    [InlineData(PyTorchJob, 0, (int)Launcher.Torch)]
    public void ARankIsFoundByWhatItsLauncherSets(string variables, int localRank, int launcher)
    {
        var found = Of(variables);
        Assert.Equal((3, 4, localRank, (Launcher)launcher), (found.Rank, found.Ranks, found.LocalRank, found.Launcher));
        Assert.Null(found.Device);
    }

    [Fact]
    public void TheLauncherNearestToTheProcessCounts()
    {
        // srun starts a torchrun on each of two machines, and each of those two processes.
        var found = Of("SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 SLURM_LOCALID=0 " + Torchrun);
        Assert.Equal((3, 4, 1, Launcher.Torch), (found.Rank, found.Ranks, found.LocalRank, found.Launcher));

        // mpirun in the script of a batch job, in a step of srun, and in a pod.
        Assert.Equal(Launcher.OpenMpi, Of(OpenMpi + " SLURM_PROCID=0 SLURM_NTASKS=4").Launcher);
        Assert.Equal(Launcher.Mpich, Of(Hydra + " SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1 SLURM_LOCALID=0").Launcher);
        Assert.Equal(Launcher.OpenMpi, Of(OpenMpi + " RANK=0 WORLD_SIZE=1").Launcher);
    }

    [Fact]
    public void TheRanksOfDevicesAreTheirOwnWhereverTheyAreStarted()
    {
        var found = Of($"SELFSUP_DEVICE=6 RANK=2 WORLD_SIZE=3 LOCAL_RANK=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=4711 {Srun} {OpenMpi}");
        Assert.Equal((2, 3, 2, Launcher.Torch), (found.Rank, found.Ranks, found.LocalRank, found.Launcher));
        Assert.Equal(("127.0.0.1", 4711), (found.MasterAddress, found.MasterPort));
        Assert.Equal(6, found.Device);
        Assert.Equal(6, found.DeviceAmong(8));
    }

    [Theory]
    [InlineData("PATH=/bin HOME=/root")]
    [InlineData("SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0 SLURM_NTASKS=4 SLURM_NPROCS=4 SLURM_TASKS_PER_NODE=4")] // sbatch
    [InlineData("SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_NNODES=2")] // salloc
    [InlineData("MASTER_ADDR=node0 MASTER_PORT=29500")]
    [InlineData("RANK= WORLD_SIZE=")]
    public void AProcessThatWasStartedByItselfIsAlone(string variables)
    {
        var found = Of(variables);
        Assert.Equal((0, 1, 0, Launcher.None), (found.Rank, found.Ranks, found.LocalRank, found.Launcher));
    }

    [Fact]
    public void TorchrunHasThePortOfTheFirstRank()
    {
        Assert.Equal(29501, Of(Torchrun).MasterPort); // its agent has 29500
        Assert.Equal(("job-master-0", 23456), (Of(PyTorchJob).MasterAddress, Of(PyTorchJob).MasterPort));
    }

    [Theory]
    [InlineData("RANK=4 WORLD_SIZE=4", "RANK=4: must be a whole number from 0 to 3")]
    [InlineData("OMPI_COMM_WORLD_RANK=x OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=x: must be a whole number from 0 to 1")]
    [InlineData("RANK=0 WORLD_SIZE=0", "WORLD_SIZE=0: must be a whole number from 1")]
    [InlineData("MASTER_PORT=70000", "MASTER_PORT=70000: must be a whole number from 1 to 65535")]
    [InlineData("SELFSUP_DEVICE=-1 RANK=0 WORLD_SIZE=1", "SELFSUP_DEVICE=-1")]
    [InlineData("RANK=1 WORLD_SIZE=8 PET_NODE_RANK=1 PET_NNODES=2 PET_NPROC_PER_NODE=4", "PET_NPROC_PER_NODE=4: this pod is for 4 processes")]
    [InlineData("PET_RDZV_ENDPOINT=job-worker-0:29400 PET_RDZV_BACKEND=c10d PET_NNODES=1:3", "torchrun --no-python selfsup")]
    public void VariablesThatSayNoRankAreAnErrorThatNamesThem(string variables, string message) =>
        Assert.Contains(message, Assert.Throws<CommunicationException>(() => Of(variables)).Message, StringComparison.Ordinal);

    [Fact]
    public void AGpuIsThatOfTheLocalRankUnlessOnlyOneIsShown()
    {
        Assert.Equal(1, Of(Torchrun).DeviceAmong(4));
        Assert.Equal(0, Of(Torchrun).DeviceAmong(1));
        var crowded = Of(Srun.Replace("LOCALID=1", "LOCALID=3", StringComparison.Ordinal));
        Assert.Contains("number 3", Assert.Throws<CommunicationException>(() => crowded.DeviceAmong(2)).Message, StringComparison.Ordinal);
    }

    private static RankEnvironment Of(string variables) => RankEnvironment.Of(variables
        .Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2))
        .DistinctBy(pair => pair[0])
        .ToDictionary(pair => pair[0], pair => pair[1]));
}
