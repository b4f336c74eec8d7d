using System.Globalization;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Processes of tests/SelfSup.Ranks, or of the program, started together by an MPI of the system.</summary>
internal static class Mpirun
{
    public const string OpenMpi = "openmpi";
    public const string Mpich = "mpich";

    /// <summary>tests/SelfSup.Ranks, in its own folder.</summary>
    private static string Ranks => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "SelfSup.Ranks", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "SelfSup.Ranks"));

    /// <summary>The <c>mpirun</c> of a family; the test skips where it is not installed.</summary>
    public static string Of(string family)
    {
        var path = $"/usr/bin/mpirun.{family}";
        Assert.SkipUnless(File.Exists(path), $"{path} is not installed");
        return path;
    }

    /// <summary>Runs a part of tests/SelfSup.Ranks on so many ranks, all of which must end well.</summary>
    public static Outcome Run(string family, int ranks, params string[] part)
    {
        using var process = Start(family, ranks, Path.GetTempPath(), Ranks, part);
        return process.Wait().Succeeds();
    }

    /// <summary>Starts a program on so many ranks.</summary>
    public static SelfSupProcess Start(string family, int ranks, string folder, string program, params string[] arguments)
    {
        string[] options = family == OpenMpi ? ["--oversubscribe", "--bind-to", "none", "--allow-run-as-root"] : [];
        return SelfSupProcess.StartProgram(
            Of(family), folder, ["-np", ranks.ToString(CultureInfo.InvariantCulture), .. options, program, .. arguments]);
    }
}
