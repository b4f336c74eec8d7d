using System.Diagnostics;
using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup doctor</c> on this machine, and on it without what it has.</summary>
[Collection(AloneCollection.Name)]
public sealed class DoctorTests : IDisposable
{
    /// <summary>Variables of launchers that may be around the tests themselves.</summary>
    private static readonly string[] _launch =
    [
        "RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "SELFSUP_MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
        "PMI_RANK", "PMI_SIZE", "SLURM_PROCID",
    ];

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void OnAMachineWithMpiCpuRanksWork()
    {
        Assert.SkipUnless(HasMpi(), "needs an MPI");
        var report = Doctor();
        Assert.Equal(0, report.ExitCode);
        Assert.True(report.Works("train on the CPU"));
        Assert.True(report.Works("several CPU ranks here"));
        Assert.Contains(report.Findings("MPI"), f => f is { Name: "library", State: "ok" } && f.Value.Contains("/libmpi", StringComparison.Ordinal));
        Assert.Equal("ok", report.Finding("libtorch", "version").State);
        Assert.StartsWith("2.10.0", report.Finding("libtorch", "version").Value, StringComparison.Ordinal);
        Assert.Matches("^(AVX512|AVX2|DEFAULT|NO AVX)$", report.Finding("libtorch", "instructions").Value);
        Assert.EndsWith("libtorch_cpu.so", report.Finding("libtorch", "library").Value, StringComparison.Ordinal);
        Assert.Equal("the only one", report.Finding("this process", "rank").Value);
    }

    [Fact]
    public void OnAMachineWithNothingTheCpuWorksAndTheRestIsMissing()
    {
        var report = DoctorWithout("libmpi*.so*", "libnccl*.so*");
        Assert.Equal(0, report.ExitCode);
        Assert.True(report.Works("train on the CPU"));
        Assert.All(["several CPU ranks here", "several GPUs here", "several machines"], name => Assert.False(report.Works(name)));
        var library = Assert.Single(report.Findings("MPI"), f => f.Name == "library");
        Assert.Equal("missing", library.State);
        Assert.Contains("none found by itself (libmpi.so.40, ", library.Value, StringComparison.Ordinal);
        Assert.Contains("openmpi-bin", library.Advice, StringComparison.Ordinal);
        Assert.Equal("missing", report.Finding("MPI", "mpirun").State);
        Assert.Equal("missing", report.Finding("GPUs", "NCCL").State);
        Assert.All(report.Abilities.Where(ability => !ability.Works), ability => Assert.NotEmpty(ability.Advice!));
    }

    [Theory]
    [InlineData("/nowhere/libmpi.so", "there is no such file")]
    [InlineData("libm.so.6", "it has not all functions of MPI 3")]
    [InlineData("/etc/passwd", "invalid ELF header")]
    public void ALibraryThatIsNamedAndIsNoneIsSaid(string named, string reason)
    {
        var report = Doctor($"SELFSUP_MPI={named}");
        Assert.Equal(6, report.ExitCode);
        Assert.True(report.Works("train on the CPU"));
        Assert.False(report.Works("several CPU ranks here"));
        var wrong = Assert.Single(report.Findings("MPI"), f => f.State == "wrong");
        Assert.StartsWith($"SELFSUP_MPI={named}: is no MPI library (", wrong.Value, StringComparison.Ordinal);
        Assert.Contains(reason, wrong.Value, StringComparison.Ordinal);
        Assert.Contains("unset it", wrong.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("abort();", "by signal 6")]
    [InlineData("*(volatile int *)0 = 1;", "a process that loads it ends")]
    [InlineData("puts(\"{ nonsense\"); fflush(stdout); _exit(0);", "ends with code 0")]
    public void ALibraryThatEndsTheProcessDoesNotEndTheDoctor(string atLoad, string said)
    {
        var library = Library("libbad.so", atLoad);
        var report = Doctor($"SELFSUP_MPI={library}");
        Assert.Equal(6, report.ExitCode);
        var wrong = Assert.Single(report.Findings("MPI"), f => f.State == "wrong");
        Assert.Contains(said, wrong.Value, StringComparison.Ordinal);
        Assert.True(report.Works("train on the CPU"));
    }

    [Fact]
    public void ALibtorchThatDoesNotLoadIsSaidBesideTheRest()
    {
        var report = Doctor("SELFSUP_LIBTORCH=/nowhere");
        Assert.Equal(6, report.ExitCode);
        Assert.All(report.Abilities, ability => Assert.False(ability.Works));
        Assert.Contains("/nowhere/libc10.so does not exist", report.Finding("libtorch", "library").Value, StringComparison.Ordinal);
        Assert.Equal("ok", report.Finding("machine", "cores").State);
    }

    [Fact]
    public void AnNcclThatIsNamedAndIsNoneIsSaid()
    {
        var report = Doctor("SELFSUP_NCCL=libm.so.6");
        Assert.Equal(6, report.ExitCode);
        Assert.Equal("SELFSUP_NCCL=libm.so.6: is no NCCL (it has no ncclGetVersion)", report.Finding("GPUs", "NCCL").Value);
    }

    [Fact]
    public void AnNcclIsAskedForItsVersion()
    {
        var library = Library("libnccl.so.2", "", "int ncclGetVersion(int *version) { *version = 22705; return 0; }");
        var nccl = Doctor($"SELFSUP_NCCL={library}").Finding("GPUs", "NCCL");
        Assert.Equal(("ok", $"2.27.5, {library}"), (nccl.State, nccl.Value));
    }

    [Theory]
    [InlineData("RANK=abc", "RANK=abc")]
    [InlineData("RANK=7 WORLD_SIZE=4", "RANK=7: must be a whole number from 0 to 3")]
    [InlineData("RANK=0 WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29500", "WORLD_SIZE=2")]
    public void VariablesThatMakeNoRankAreSaid(string variables, string said)
    {
        var report = Doctor(variables.Split(' '));
        Assert.SkipWhen(report.Works("train on a GPU"), "ranks of these variables may work on GPUs");
        Assert.Equal(6, report.ExitCode);
        Assert.Contains(said, Assert.Single(report.Findings("this process"), f => f.State == "wrong").Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mpirun.openmpi", "Open MPI")]
    [InlineData("mpirun.mpich", "MPICH")]
    public void UnderALauncherEachRankSaysWhichOneItIs(string launcher, string engine)
    {
        Assert.SkipUnless(Find(launcher), $"needs {launcher}");
        string[] asRoot = launcher.EndsWith("openmpi", StringComparison.Ordinal) ? ["--allow-run-as-root", "--oversubscribe"] : [];
        using var process = Start(
            launcher,
            [.. asRoot, "-np", "2", "sh", "-c", $"'{SelfSupProcess.Program}' doctor --json > rank-${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}"]);
        process.Wait().Succeeds();
        for (var rank = 0; rank < 2; rank++)
        {
            using var json = JsonDocument.Parse(File.ReadAllText(_workspace[$"rank-{rank}"]));
            var report = new Report(0, json.RootElement.Clone());
            Assert.StartsWith($"{rank} of 2, number {rank} on this machine", report.Finding("this process", "rank").Value, StringComparison.Ordinal);
            Assert.StartsWith(engine, report.Finding("this process", "engine").Value, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void InAPipeAFactIsALine()
    {
        using var process = Start("env", [.. _launch.SelectMany(name => new[] { "-u", name }), SelfSupProcess.Program, "doctor"]);
        var lines = process.Wait().Succeeds().Output.Split('\n');
        Assert.Contains("what works", lines);
        Assert.Contains(lines, line => line.StartsWith("  yes      train on the CPU", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("  ok       cores", StringComparison.Ordinal));
    }

    private static bool HasMpi() => Find("mpirun");

    private static bool Find(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private SelfSupProcess Start(string program, string[] arguments) => SelfSupProcess.StartProgram(program, _workspace["."], arguments);

    private Report Doctor(params string[] variables)
    {
        using var process = Start(
            "env", [.. _launch.SelectMany(name => new[] { "-u", name }), .. variables, SelfSupProcess.Program, "doctor", "--json"]);
        return Report.Of(process.Wait());
    }

    /// <summary>Where libraries are gone from the system's folders, and no launcher is in PATH: in file systems of its own.</summary>
    private Report DoctorWithout(params string[] libraries)
    {
        var script =
            $"""
            set -e
            mkdir -p space; mount -t tmpfs tmpfs space
            for folder in /usr/lib /usr/lib64 /usr/local/lib /usr/lib/*-linux-gnu; do
              [ -d "$folder" ] && [ ! -L "$folder" ] || continue
              rest=space/$(echo "$folder" | tr / _); mkdir -p "$rest/new" "$rest/work"
              mount -t overlay overlay -o lowerdir="$folder",upperdir="$rest/new",workdir="$rest/work" "$folder"
              (cd "$folder" && rm -f {string.Join(' ', libraries)})
            done
            mkdir -p empty; touch isolated
            exec env {string.Join(' ', _launch.Select(name => $"-u {name}"))} PATH="$PWD/empty" LD_LIBRARY_PATH= '{SelfSupProcess.Program}' doctor --json
            """;
        using var process = Start("unshare", ["--mount", "sh", "-c", script]);
        var outcome = process.Wait();
        Assert.SkipUnless(File.Exists(_workspace["isolated"]), "laying file systems over the system's needs root");
        return Report.Of(outcome);
    }

    /// <summary>A library that does something when it is loaded, and has functions.</summary>
    private string Library(string name, string atLoad, string functions = "")
    {
        Assert.SkipUnless(Find("gcc"), "needs gcc");
        File.WriteAllText(
            _workspace["bad.c"],
            $$"""
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            __attribute__((constructor)) static void begin(void) { {{atLoad}} }
            {{functions}}
            """);
        using var gcc = Process.Start("gcc", ["-shared", "-fPIC", "-o", _workspace[name], _workspace["bad.c"]]);
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        return _workspace[name];
    }

    private sealed record Fact(string Name, string State, string Value, string? Advice);

    private sealed record Ability(string Name, bool Works, string How, string? Advice);

    private sealed record Report(int ExitCode, JsonElement Json)
    {
        private static readonly JsonSerializerOptions _web = new(JsonSerializerDefaults.Web);

        public Ability[] Abilities => Json.GetProperty("works").Deserialize<Ability[]>(_web)!;

        public static Report Of(Outcome outcome)
        {
            Assert.True(outcome.ExitCode is 0 or 6, $"exit code {outcome.ExitCode}:\n{outcome.Output}{outcome.Error}");
            using var json = JsonDocument.Parse(outcome.Output);
            Assert.Equal(outcome.ExitCode == 6, json.RootElement.GetProperty("isBroken").GetBoolean());
            return new Report(outcome.ExitCode, json.RootElement.Clone());
        }

        public bool Works(string name) => Abilities.Single(ability => ability.Name == name).Works;

        public Fact[] Findings(string group) => Json.GetProperty("groups").GetProperty(group).Deserialize<Fact[]>(_web)!;

        public Fact Finding(string group, string name) => Findings(group).First(fact => fact.Name == name);
    }
}
