using SelfSup.Distributed;
using SelfSup.Hosting.Examination;

namespace SelfSup.Tests.Hosting;

/// <summary>What <c>selfsup doctor</c> makes of machines that a test has not at hand.</summary>
public sealed class MachineReportTests
{
    private static readonly LibraryAnswer _openMpi = new() { Name = "libmpi.so.40", Path = "/usr/lib/libmpi.so.40.30.4", Version = "Open MPI v4.1.4", IsOpenMpi = true };
    private static readonly LibraryAnswer _mpich = new() { Name = "libmpich.so.12", Path = "/usr/lib/libmpich.so.12.2.2", Version = "MPICH 4.0.2" };
    private static readonly LauncherProgram _mpirun = new("mpirun", "/usr/bin/orterun", Launcher.OpenMpi, "Open MPI 4.1.4");
    private static readonly LauncherProgram _hydra = new("mpirun.mpich", "/usr/bin/mpiexec.hydra", Launcher.Mpich, "MPICH 4.0.2");
    private static readonly LibraryAnswer _cudaTorch = new()
    {
        Name = "libtorch",
        Path = "/opt/torch/lib/libtorch_cpu.so",
        Version = "2.10.0",
        IsForCuda = true,
    };

    private static readonly LibraryAnswer _nccl = new() { Name = "libnccl.so.2", Path = "/usr/lib/libnccl.so.2.27.5", Version = "2.27.5" };

    [Fact]
    public void OnAMachineWithNothingOneCpuTrainsAndTheRestIsSaidToBeMissingForWhat()
    {
        var report = MachineReport.Of(Bare());
        Assert.Equal(0, report.ExitCode);
        Assert.DoesNotContain(Findings(report), finding => finding.State == FindingState.Wrong);
        Assert.Equal([true, false, false, false, false], report.Abilities.Select(ability => ability.Works));
        Assert.All(report.Abilities.Skip(1), ability => Assert.False(string.IsNullOrEmpty(ability.Advice)));
        Assert.Equal("there is no MPI", report.Abilities[2].How);
        Assert.Contains("openmpi-bin", report.Abilities[2].Advice, StringComparison.Ordinal);
        Assert.Contains("needed for several CPU ranks", Finding(report, "mpirun").Value, StringComparison.Ordinal);
        Assert.Contains("needed for several GPUs", Finding(report, "NCCL").Value, StringComparison.Ordinal);
        Assert.Equal("the only one", Finding(report, "rank").Value);
    }

    [Fact]
    public void WithoutLibtorchNothingWorks()
    {
        var report = MachineReport.Of(Bare() with { Torch = new LibraryAnswer { Name = "libtorch", Failure = "libc10.so: cannot open" } });
        Assert.Equal(6, report.ExitCode);
        Assert.All(report.Abilities, ability => Assert.False(ability.Works));
        Assert.Equal("libc10.so: cannot open", Finding(report, "library").Value);
    }

    [Fact]
    public void AnMpiWithItsLauncherStartsCpuRanks()
    {
        var report = MachineReport.Of(Bare() with { Mpi = [_openMpi], Launchers = [_mpirun] });
        Assert.Equal(0, report.ExitCode);
        Assert.True(report.Abilities[2].Works);
        Assert.Equal("--devices cpu:4, by mpirun and Open MPI v4.1.4", report.Abilities[2].How);
        Assert.True(report.Abilities[4].Works);
    }

    [Fact]
    public void ALauncherOfTheOtherMpiDoesNotStartRanks()
    {
        var report = MachineReport.Of(Bare() with { Mpi = [_openMpi], Launchers = [_hydra] });
        Assert.False(report.Abilities[2].Works);
        Assert.Equal("mpirun.mpich is MPICH's and there is no library of MPICH that works", report.Abilities[2].How);
        Assert.Equal(FindingState.Missing, Finding(report, "mpirun.mpich").State);
        Assert.True(MachineReport.Of(Bare() with { Mpi = [_openMpi], Launchers = [_hydra, _mpirun] }).Abilities[2].Works);
    }

    [Fact]
    public void ALibraryThatIsNamedAndWrongIsSaidWithTheOneThatWouldBeUsed()
    {
        var report = MachineReport.Of(Bare(("SELFSUP_MPI", "/opt/mpi.so")) with
        {
            Mpi = [new LibraryAnswer { Name = "/opt/mpi.so", Failure = "there is no such file", IsAbsent = true }, _openMpi],
            Launchers = [_mpirun],
        });
        Assert.Equal(6, report.ExitCode);
        var wrong = Assert.Single(Findings(report), finding => finding.State == FindingState.Wrong);
        Assert.Equal("SELFSUP_MPI=/opt/mpi.so: is no MPI library (there is no such file)", wrong.Value);
        Assert.Equal("unset it (Open MPI v4.1.4 is then used), or let it name such a file as /usr/lib/libmpi.so.40.30.4", wrong.Advice);
        Assert.True(report.Abilities[0].Works);
        Assert.False(report.Abilities[2].Works);
    }

    [Fact]
    public void ALibraryThatIsNamedAndOfTheOtherMpiLeavesEachProcessAlone()
    {
        var report = MachineReport.Of(Bare(("SELFSUP_MPI", "libmpich.so.12")) with { Mpi = [_openMpi, _mpich], Launchers = [_mpirun] });
        Assert.False(report.Abilities[2].Works);
        Assert.Equal(2, Findings(report).Count(finding => finding.Name == "library" && finding.Value.Contains("MPI", StringComparison.Ordinal)));
        Assert.Contains("each process would be alone", report.Abilities[2].How, StringComparison.Ordinal);
        Assert.Contains("unset SELFSUP_MPI", report.Abilities[2].Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void GpusWithNcclTrainTogether()
    {
        var report = MachineReport.Of(Gpus());
        Assert.Equal(0, report.ExitCode);
        Assert.Equal([true, true, false, true, true], report.Abilities.Select(ability => ability.Works));
        Assert.Equal("--devices 0,1, by NCCL 2.27.5", report.Abilities[3].How);
        Assert.Equal("NVIDIA H100, 79.6 GB", Finding(report, "cuda:1").Value);
    }

    [Fact]
    public void GpusWithoutNcclTrainAlone()
    {
        var report = MachineReport.Of(Gpus() with { Nccl = new LibraryAnswer { Name = "libnccl.so.2", Failure = "there is no such file", IsAbsent = true } });
        Assert.Equal(0, report.ExitCode);
        Assert.Equal([true, true, false, false, false], report.Abilities.Select(ability => ability.Works));
    }

    [Fact]
    public void GpusThatLibtorchIsNotBuiltForAreMissedAndThoseItCannotUseAreWrong()
    {
        var forCpu = MachineReport.Of(Gpus() with { Torch = Bare().Torch });
        Assert.Equal(0, forCpu.ExitCode);
        Assert.Equal("this libtorch is for the CPU", Finding(forCpu, "CUDA").Value);
        Assert.Contains("-p:TorchBackend=cuda", forCpu.Abilities[1].Advice, StringComparison.Ordinal);

        var old = MachineReport.Of(Gpus() with { Torch = _cudaTorch, NvidiaDriver = "470.82.1" });
        Assert.Equal(6, old.ExitCode);
        Assert.Contains("470.82.1", old.Abilities[1].How, StringComparison.Ordinal);

        var failing = MachineReport.Of(Gpus() with { Torch = Gpus().Torch with { DeviceFailure = "no kernel image is available" } });
        Assert.Equal(6, failing.ExitCode);
        Assert.False(failing.Abilities[1].Works);
        Assert.False(failing.Abilities[3].Works);
    }

    [Theory]
    [InlineData("RANK=abc WORLD_SIZE=2", "RANK=abc: must be a whole number")]
    [InlineData("RANK=abc", "WORLD_SIZE is not")]
    [InlineData("WORLD_SIZE=4", "RANK is not")]
    [InlineData("OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=5: must be a whole number from 0 to 3")]
    [InlineData("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=99999", "MASTER_PORT=99999")]
    [InlineData("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=29500", "is for GPUs, and libtorch sees none here")]
    [InlineData("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4", "no MPI library")]
    public void VariablesThatMakeNoRankAreWrong(string variables, string said)
    {
        var report = MachineReport.Of(Bare(Variables(variables)));
        Assert.Equal(6, report.ExitCode);
        var wrong = Assert.Single(Findings(report), finding => finding.State == FindingState.Wrong);
        Assert.Contains(said, wrong.Value, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(wrong.Advice));
    }

    [Theory]
    [InlineData("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1", "1 of 2, number 1 on this machine, started by mpirun of Open MPI", "Open MPI v4.1.4")]
    [InlineData("PMI_RANK=0 PMI_SIZE=2", "0 of 2, number 0 on this machine, started by mpiexec of MPICH or a relative", "MPICH 4.0.2")]
    public void RanksSpeakThroughTheMpiThatStartedThem(string variables, string rank, string engine)
    {
        var report = MachineReport.Of(Bare(Variables(variables)) with { Mpi = [_openMpi, _mpich], Launchers = [_mpirun, _hydra] });
        Assert.Equal(0, report.ExitCode);
        Assert.Equal(rank, Finding(report, "rank").Value);
        Assert.Equal(engine, Finding(report, "engine").Value);
    }

    [Fact]
    public void RanksOfTheOtherMpiThanTheLibraryAreWrong()
    {
        var report = MachineReport.Of(Bare(Variables("PMI_RANK=0 PMI_SIZE=2")) with { Mpi = [_openMpi], Launchers = [_mpirun] });
        Assert.Equal(6, report.ExitCode);
        Assert.Contains("each would be alone", Finding(report, "engine").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void RanksOnGpusNeedToKnowWhereTheFirstOneIs()
    {
        Assert.Equal(6, MachineReport.Of(Gpus(Variables("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0"))).ExitCode);
        var report = MachineReport.Of(Gpus(Variables("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=node1 MASTER_PORT=29500")));
        Assert.Equal(0, report.ExitCode);
        Assert.Equal("NCCL 2.27.5", Finding(report, "engine").Value);
    }

    [Fact]
    public void LittleSharedMemoryIsSaid()
    {
        var report = MachineReport.Of(Bare() with { Host = Host() with { SharedMemory = 64 << 20 } });
        Assert.Equal(FindingState.Missing, Finding(report, "/dev/shm").State);
        Assert.Contains("--shm-size", Finding(report, "/dev/shm").Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void AProcessThatIsBoundToSomeCoresSaysSo()
    {
        Assert.Equal("4", Finding(MachineReport.Of(Bare()), "cores").Value);
        var report = MachineReport.Of(Bare() with { Host = Host() with { Cores = 1, MachineCores = 8 } });
        Assert.StartsWith("1 of the machine's 8", Finding(report, "cores").Value, StringComparison.Ordinal);
    }

    private static IEnumerable<Finding> Findings(MachineReport report) => report.Groups.SelectMany(group => group.Findings);

    private static Finding Finding(MachineReport report, string name) => Findings(report).First(finding => finding.Name == name);

    private static (string, string)[] Variables(string text) => [.. text.Split(' ').Select(v => (v.Split('=')[0], v.Split('=')[1]))];

    private static HostState Host() => new()
    {
        System = "Linux",
        Processor = "a processor",
        Cores = 4,
        VectorBits = 512,
        Memory = 16L << 30,
        FreeMemory = 8L << 30,
        SharedMemory = 8L << 30,
    };

    private static MachineState Bare(params (string Name, string Value)[] variables) => new()
    {
        Host = Host(),
        Variables = variables.ToDictionary(v => v.Name, v => v.Value),
        Torch = new LibraryAnswer { Name = "libtorch", Path = "/app/libtorch_cpu.so", Version = "2.10.0", Capability = "AVX512" },
        Mpi = [.. Mpi.Candidates(Launcher.None).Select(name => new LibraryAnswer { Name = name, Failure = "there is no such file", IsAbsent = true })],
        Nccl = new LibraryAnswer { Name = "libnccl.so.2", Failure = "there is no such file", IsAbsent = true },
    };

    private static MachineState Gpus(params (string Name, string Value)[] variables) => Bare(variables) with
    {
        Torch = _cudaTorch with { Devices = ["NVIDIA H100, 79.6 GB", "NVIDIA H100, 79.6 GB"] },
        Nccl = _nccl,
        NvidiaDevices = ["/dev/nvidia0", "/dev/nvidia1"],
        NvidiaDriver = "570.86.15",
    };
}
