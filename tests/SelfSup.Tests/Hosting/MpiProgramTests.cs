using System.Diagnostics;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Hosting.Supervision;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Hosting;

public sealed class MpiProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("mpirun.openmpi (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/", (int)Launcher.OpenMpi, 4)]
    [InlineData("mpirun (Open MPI) 5.0.3\n", (int)Launcher.OpenMpi, 5)]
    [InlineData("HYDRA build details:\n    Version:                                 4.0.2\n    Release Date: Thu", (int)Launcher.Mpich, 4)]
    [InlineData("Intel(R) MPI Library for Linux* OS, Version 2021.13 Build 20240515", (int)Launcher.Mpich, 0)]
    public void TheProgramIsKnownByItsVersion(string version, int launcher, int major) =>
        Assert.Equal(new MpiProgram("mpirun", (Launcher)launcher, major), MpiProgram.Known("mpirun", version));

    [Fact]
    public void TheProgramIsFoundByNameOrPath()
    {
        Script("bin/mpirun", "echo 'mpirun (Open MPI) 5.0.3'");
        Script("other/mpiexec", "echo HYDRA build details:; echo '  Version: 4.1'");
        Script("other/cat", "echo cat");
        var path = $"/nowhere:{_folder.File("bin")}:{_folder.File("other")}";
        Assert.Equal(new MpiProgram(_folder.File("bin/mpirun"), Launcher.OpenMpi, 5), MpiProgram.Find(null, path));
        Assert.Equal(new MpiProgram(_folder.File("other/mpiexec"), Launcher.Mpich, 4), MpiProgram.Find("mpiexec", path));
        Assert.Equal(Launcher.Mpich, MpiProgram.Find(_folder.File("other/mpiexec"), null).Launcher);
        Assert.Contains("mpirun is not in PATH; install Open MPI (Debian: openmpi-bin)", Error(null, "/nowhere"), StringComparison.Ordinal);
        Assert.Contains("SELFSUP_MPIRUN=orterun: there is no such program", Error("orterun", path), StringComparison.Ordinal);
        Assert.Contains("is neither mpirun of Open MPI nor of MPICH", Error("cat", path), StringComparison.Ordinal);
        Assert.Null(MpiProgram.Find(null, path).Library);
        Script("lib/libmpi.so.40", "");
        Assert.Equal(_folder.File("lib/libmpi.so.40"), MpiProgram.Find(null, path).Library);

        static string Error(string? named, string? path) => Assert.Throws<RecipeException>(() => MpiProgram.Find(named, path)).Message;
    }

    [Fact]
    public void OpenMpiIsToldToGoOnWithoutARankAndToGiveRanksTime()
    {
        string[] command = [.. Command(Launcher.OpenMpi, 4, isRoot: true, "/usr/bin/setsid")];
        Assert.Equal(["/usr/bin/setsid", "/usr/bin/mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"], command[..6]);
        Assert.Contains("--mca orte_enable_recovery 1 --mca orte_abort_on_non_zero_status 0 --mca odls_base_sigkill_timeout 600", Joined(command), StringComparison.Ordinal);
        Assert.Contains("-x SELFSUP_SUPERVISOR", Joined(command), StringComparison.Ordinal);
        Assert.Contains("-np 4 /bin/sh -c", Joined(command), StringComparison.Ordinal);
        Assert.Equal(["folder", "selfsup", "pretrain", "a recipe.yaml"], command[^4..]);
        Assert.DoesNotContain("--allow-run-as-root", Command(Launcher.OpenMpi, 4, isRoot: false, null));
        Assert.Contains("--runtime-options", Command(Launcher.OpenMpi, 5, isRoot: false, null));
    }

    [Fact]
    public void HydraIsToldToGoOnWithoutARank() =>
        Assert.Equal(["/usr/bin/mpirun", "-disable-auto-cleanup", "-launcher", "fork", "-hosts", "localhost", "-np", "4", "/bin/sh"], Command(Launcher.Mpich, 4, isRoot: true, null).Take(9));

    private static IEnumerable<string> Command(Launcher launcher, int major, bool isRoot, string? session)
    {
        var start = new MpiProgram("/usr/bin/mpirun", launcher, major).Command(
            new ProcessStartInfo("selfsup", ["pretrain", "a recipe.yaml"]), 4, "folder", isRoot, session);
        Assert.True(start.RedirectStandardInput);
        return [start.FileName, .. start.ArgumentList];
    }

    private static string Joined(string[] command) => string.Join(' ', command);

    private void Script(string name, string text)
    {
        var path = _folder.Write(name, "#!/bin/sh\n" + text + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
