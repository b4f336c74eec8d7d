using System.Diagnostics;
using System.Globalization;

using SelfSup.Hosting.Supervision;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Hosting;

/// <summary>Under the real programs that start ranks; the ranks are shell scripts.</summary>
public sealed class MpiRanksTests : IDisposable
{
    private const string OpenMpi = "mpirun.openmpi";
    private const string Mpich = "mpirun.mpich";
    private const string Rank = "r=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; ";

    private static readonly TimeSpan _long = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _short = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OpenMpi, "exit 0", 0, null, null)]
    [InlineData(Mpich, "exit 0", 0, null, null)]
    [InlineData(OpenMpi, "[ $r = 1 ] && kill -KILL $$; sleep 1; exit 6", 137, 1, 1)]
    [InlineData(Mpich, "[ $r = 1 ] && kill -KILL $$; sleep 1; exit 6", 137, 1, 1)]
    [InlineData(OpenMpi, "[ $r = 0 ] && exit 3; sleep 1; exit 6", 3, 0, 0)]
    [InlineData(Mpich, "[ $r = 0 ] && exit 3; sleep 1; exit 6", 3, 0, 0)]
    [InlineData(OpenMpi, "sleep 0.$r; exit 143", 143, null, null)]
    [InlineData(Mpich, "sleep 0.$r; exit 143", 143, null, null)]
    public void RanksLiveOnWithoutAnotherAndTheCauseIsKnown(string program, string script, int exitCode, int? rank, int? lost)
    {
        using var ranks = Start(program, _long, script);
        Assert.Equal(new RunEnd(exitCode) { Rank = rank, Lost = lost }, ranks.Wait());
    }

    [Theory]
    [InlineData(OpenMpi)]
    [InlineData(Mpich)]
    public void ARankThatIsStoppedIsEndedWithAllThatItStarted(string program)
    {
        using var ranks = Start(program, _short, $"[ $r = 2 ] || exit 6; sleep 300 & echo $! > {_folder.File("child")}; kill -STOP $$");
        Assert.Equal(new RunEnd(6) { Rank = 0, Lost = 2 }, ranks.Wait() with { Rank = 0 }); // 0 or 1 is first
        Assert.True(HasEnded("child"));
    }

    [Theory]
    [InlineData(OpenMpi)]
    [InlineData(Mpich)]
    public void WhatTheyAreToldReachesTheFirst(string program)
    {
        var told = _folder.File("told");
        using var ranks = Start(
            program, _long, $"[ $r = 0 ] && [ \"$(head -c 1)\" = T ] && echo > {told}; while [ ! -f {told} ]; do sleep 0.1; done; exit 143");
        ranks.Tell(SupervisorLink.Terminate);
        Assert.Equal(new RunEnd(143), ranks.Wait());
    }

    [Theory]
    [InlineData(OpenMpi)]
    [InlineData(Mpich)]
    public void NoRankIsLeftWhereTheProgramThatStartedThemIsKilled(string program)
    {
        using var ranks = Start(program, _long, $"[ $r = 0 ] && kill -KILL $(cat {_folder.File("starter")}); echo $$ > {_folder.Path}/rank-$r; exec sleep 300", prefix:
            $"echo $$ > {_folder.File("starter")}; exec ");
        Assert.Equal(137, ranks.Wait().ExitCode);
        Assert.All(Directory.EnumerateFiles(_folder.Path, "rank-*").Where(file => new FileInfo(file).Length > 0), file => Assert.True(HasEnded(Path.GetFileName(file))));
    }

    [Fact]
    public void AProgramThatStartsNothingIsAFailure()
    {
        using var ranks = MpiRanks.Start(_ => new ProcessStartInfo("/bin/sh", ["-c", "exit 213"]) { RedirectStandardInput = true }, 3);
        Assert.Equal(new RunEnd(213), ranks.Wait());
    }

    private static MpiRanks Start(string program, TimeSpan patience, string script, string prefix = "")
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        Assert.SkipWhen(MpiProgram.Named(program, path) is null, $"{program} is not installed");
        var mpi = MpiProgram.Find(program, path);
        return MpiRanks.Start(
            folder =>
            {
                var start = mpi.Command(
                    new ProcessStartInfo("/bin/sh", ["-c", Rank + script]), 3, folder, Environment.IsPrivilegedProcess, MpiProgram.Named("setsid", path));
                start.Environment["CUDA_VISIBLE_DEVICES"] = start.Environment["SELFSUP_SUPERVISOR"] = start.Environment["DOTNET_PROCESSOR_COUNT"] = "1";
                return prefix.Length == 0
                    ? start
                    : new ProcessStartInfo("/bin/sh", ["-c", prefix + "\"$@\"", "sh", start.FileName, .. start.ArgumentList]) { RedirectStandardInput = true };
            },
            3,
            patience);
    }

    /// <summary>Whether a process whose number is in a file is there no more, or only as what its parent has not taken note of.</summary>
    private bool HasEnded(string file)
    {
        var process = int.Parse(File.ReadAllText(_folder.File(file)), CultureInfo.InvariantCulture);
        return SpinWait.SpinUntil(
            () =>
            {
                try
                {
                    return File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1][0] == 'Z';
                }
                catch (IOException)
                {
                    return true;
                }
            },
            TimeSpan.FromSeconds(5));
    }
}
