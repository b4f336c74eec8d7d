using SelfSup.Distributed;
using SelfSup.Hosting.Examination;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Hosting;

/// <summary>What is read of a system's files, and of what programs say of themselves.</summary>
public sealed class HostSearchTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("0::/system/job", "sys/fs/cgroup/system/memory.max", "3221225472", 3L << 30)] // of a group above
    [InlineData("0::/", "sys/fs/cgroup/memory.max", "1073741824", 1L << 30)]
    [InlineData("0::/job", "sys/fs/cgroup/job/memory.max", "max", null)]
    [InlineData("5:cpu:/x\n4:memory:/job", "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648", 2L << 30)]
    [InlineData("4:memory:/job", "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712", null)]
    [InlineData("4:cpu:/job", "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2147483648", null)]
    public void TheLimitOfTheControlGroupIsFound(string groups, string file, string content, long? bytes)
    {
        _root.Write("proc/self/cgroup", groups);
        _root.Write(file, content);
        Assert.Equal(bytes, new HostSearch(_root.Path).MemoryLimit());
    }

    [Fact]
    public void GpusAndTheirDriverAreFound()
    {
        foreach (var name in new[] { "nvidia10", "nvidia2", "nvidia0", "nvidiactl", "nvidia-uvm" })
        {
            _root.Write($"dev/{name}", "");
        }

        _root.Write(
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan  9 04:29:21 UTC 2025\nGCC version:  gcc version 12.3.0\n");
        var search = new HostSearch(_root.Path);
        Assert.Equal(["/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia10"], search.NvidiaDevices());
        Assert.Equal("570.86.15", search.NvidiaDriver());
    }

    [Fact]
    public void TheOpenKernelModuleTellsItsVersionToo()
    {
        _root.Write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build");
        Assert.Equal("550.54.15", new HostSearch(_root.Path).NvidiaDriver());
    }

    [Fact]
    public void MemoryAndFastPortsAreFoundAndASystemWithoutFilesIsNoError()
    {
        var bare = new HostSearch(_root.Path);
        Assert.Null(bare.Host().Memory);
        Assert.Null(bare.NvidiaDriver());
        Assert.Empty(bare.NvidiaDevices());

        _root.Write("proc/meminfo", "MemTotal:       24684084 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n");
        _root.Write("sys/class/infiniband/mlx5_0/ports/1/rate", "400 Gb/sec (4X NDR)\n");
        _root.Write("sys/class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n");
        _root.Write("sys/class/infiniband/mlx5_1/ports/1/rate", "400 Gb/sec (4X NDR)\n");
        _root.Write("sys/class/infiniband/mlx5_1/ports/1/state", "1: DOWN\n");
        var host = new HostSearch(_root.Path).Host();
        Assert.Equal(24684084L << 10, host.Memory);
        Assert.Equal(1L << 20, host.FreeMemory);
        Assert.Equal(["mlx5_0 400 Gb/sec (4X NDR)", "mlx5_1 400 Gb/sec (4X NDR) (1: DOWN)"], host.FastPorts);
    }

    [Theory]
    [InlineData("mpirun.openmpi (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/", "OpenMpi", "Open MPI 4.1.4")]
    [InlineData("mpirun (Open MPI) 5.0.3", "OpenMpi", "Open MPI 5.0.3")]
    [InlineData("HYDRA build details:\n    Version:                                 4.0.2\n    Release Date: x", "Mpich", "MPICH 4.0.2")]
    [InlineData("Intel(R) MPI Library for Linux* OS, Version 2021.12 Build 20240213", "Mpich", "Intel(R) MPI Library for Linux* OS, Version 2021.12 Build 20240213")]
    [InlineData("slurm 23.11.4", "Slurm", "slurm 23.11.4")]
    [InlineData("", "None", "it says nothing of itself")]
    public void ALauncherIsToldByWhatItSays(string said, string family, string version)
    {
        var program = LauncherSearch.Read("mpirun", "/usr/bin/mpirun", said);
        Assert.Equal(Enum.Parse<Launcher>(family), program.Family);
        Assert.Equal(version, program.Version);
    }

    [Fact]
    public void ProgramsAreFoundInPathAFileOnce()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "files have other rights there");
        _root.Write("first/mpirun", "#!/bin/sh\necho 'mpirun (Open MPI) 5.0.3'\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(_root.Path, "first", "mpirun"), UnixFileMode.UserExecute | UnixFileMode.UserRead);
        }

        _root.Write("second/mpiexec", "not executable");
        File.CreateSymbolicLink(Path.Combine(_root.Path, "first", "mpiexec"), Path.Combine(_root.Path, "first", "mpirun"));
        var program = Assert.Single(LauncherSearch.Find($"{_root.Path}/second:{_root.Path}/nowhere:{_root.Path}/first"));
        Assert.Equal("mpirun", program.Name);
        Assert.Equal("Open MPI 5.0.3", program.Version);
        Assert.Empty(LauncherSearch.Find(null));
    }
}
