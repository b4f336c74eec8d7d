using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

using SelfSup.Distributed;
using SelfSup.Errors;

namespace SelfSup.Hosting.Supervision;

/// <summary>The <c>mpirun</c> that starts ranks on the CPU.</summary>
/// <param name="Path">The program.</param>
/// <param name="Launcher">Whose it is: Open MPI's, or MPICH's and its relatives' (hydra).</param>
/// <param name="Major">The first number of its version.</param>
internal sealed partial record MpiProgram(string Path, Launcher Launcher, int Major)
{
    /// <summary>The environment variable that names the program where it is not in PATH, or another is wanted.</summary>
    public const string Variable = "SELFSUP_MPIRUN";

    /// <summary>A rank that Open MPI is told to end may write its checkpoint first; who watches over the ranks ends those that hang.</summary>
    private const string SecondsToEnd = "600";

    /// <summary>
    /// What runs a rank and writes its exit code down, for an mpirun that goes on without a rank does not tell it. Signals
    /// that mpirun passes on reach the rank too; the shell outlives them. Its process is the group of all of the rank's. Whoever
    /// ends the ranks says so in the folder first, so that one that is only just beginning is not missed.
    /// </summary>
    private const string Script = """
        trap : TERM INT HUP USR1
        rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
        echo $$ > "$0/process-$rank" || exit
        [ -e "$0/over" ] && exit
        exec 3>&2 2>/dev/null
        (exec "$@" 2>&3 3>&-)
        code=$?
        echo $code > "$0/exit-$rank"
        exit $code
        """;

    private static readonly string[] _openMpiLibraries = ["libmpi.so.40", "libmpi.so.80"];
    private static readonly string[] _mpichLibraries = ["libmpich.so.12", "libmpi.so.12"];
    private static readonly string[] _libraryFolders = ["lib", "lib64", "lib/release"];
    private static readonly string[] _afterAFailure =
        ["--mca", "orte_enable_recovery", "1", "--mca", "orte_abort_on_non_zero_status", "0", "--mca", "odls_base_sigkill_timeout", SecondsToEnd];

    private static readonly string[] _afterAFailureIn5 =
        ["--runtime-options", "recoverable,continuous", "--prtemca", "odls_base_sigkill_timeout", SecondsToEnd];

    private static readonly string[] _exported = [SupervisorLink.Variable, RankStarter.CoresVariable, RankStarter.VisibleDevices];

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>The library of the same installation, where it lies beside the program; null where the system's loader finds it.</summary>
    public string? Library
    {
        get
        {
            var file = new FileInfo(Path);
            var program = file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file.FullName;
            var names = Launcher == Launcher.OpenMpi ? _openMpiLibraries : _mpichLibraries;
            return System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(program)) is { } root
                ? names.SelectMany(name => _libraryFolders.Select(lib => System.IO.Path.Combine(root, lib, name)))
                    .FirstOrDefault(File.Exists)
                : null;
        }
    }

    /// <summary>Finds it.</summary>
    /// <param name="named">What <see cref="Variable"/> says, or null.</param>
    /// <param name="path">The folders of PATH.</param>
    /// <exception cref="RecipeException">There is none, or it is none that is known.</exception>
    public static MpiProgram Find(string? named, string? path)
    {
        const string Advice = "install Open MPI (Debian: openmpi-bin) or MPICH (mpich)";
        if (OperatingSystem.IsWindows())
        {
            throw new RecipeException($"{RankDevices.Option} cpu: ranks on the CPU need mpirun of Open MPI or MPICH, which Windows has not; use Linux");
        }

        var program = Named(named ?? "mpirun", path) ?? throw new RecipeException(named is null
            ? $"{RankDevices.Option} cpu: mpirun is not in PATH; {Advice}, or let {Variable} name it"
            : $"{Variable}={named}: there is no such program; {Advice}, or name another");
        return Known(program, VersionOf(program)) ?? throw new RecipeException(
            $"{program}: is neither mpirun of Open MPI nor of MPICH, must be one; {Advice}, or let {Variable} name another");
    }

    /// <summary>Which one it is, by what <c>mpirun --version</c> says; null for one that is not known.</summary>
    public static MpiProgram? Known(string program, string version)
    {
        var openMpi = OpenMpi().Match(version);
        if (openMpi.Success)
        {
            return new MpiProgram(program, Launcher.OpenMpi, Number(openMpi));
        }

        var hydra = Hydra().Match(version);
        return hydra.Success ? new MpiProgram(program, Launcher.Mpich, Number(hydra))
            : version.Contains("Intel(R) MPI Library", StringComparison.Ordinal) ? new MpiProgram(program, Launcher.Mpich, 0)
            : null;

        static int Number(Match match) => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
    }

    /// <summary>The command that starts the ranks.</summary>
    /// <param name="rank">What each of them runs.</param>
    /// <param name="ranks">How many.</param>
    /// <param name="folder">Where each leaves its process and its exit code, named <c>process-R</c> and <c>exit-R</c>.</param>
    /// <param name="isRoot">Whether the user is root, whom Open MPI refuses unless told otherwise.</param>
    /// <param name="session">A program that starts another in a session of its own, which Ctrl-C does not reach; null where there is none.</param>
    public ProcessStartInfo Command(ProcessStartInfo rank, int ranks, string folder, bool isRoot, string? session)
    {
        string[] command =
        [
            .. session is null ? Array.Empty<string>() : [session], Path, .. Options(isRoot, ranks),
            "-np", ranks.ToString(CultureInfo.InvariantCulture), "/bin/sh", "-c", Script, folder, rank.FileName, .. rank.ArgumentList,
        ];
        return new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false, RedirectStandardInput = true };
    }

    /// <summary>Ranks that live on when another dies find out themselves which, and end by themselves.</summary>
    private IEnumerable<string> Options(bool isRoot, int ranks) => Launcher == Launcher.Mpich
        ? ["-disable-auto-cleanup", "-launcher", "fork", "-hosts", "localhost"] // and not on the machines of a batch job
        :
        [
            .. isRoot ? ["--allow-run-as-root"] : Array.Empty<string>(),
            "--oversubscribe",
            "--bind-to", "none",
            "--host", string.Create(CultureInfo.InvariantCulture, $"localhost:{ranks}"),
            .. Major >= 5 ? _afterAFailureIn5 : _afterAFailure,
            .. _exported.SelectMany(name => (string[])["-x", name]),
        ];

    /// <summary>A program by its path, or by its name in the folders of PATH.</summary>
    internal static string? Named(string program, string? path) => program.Contains('/', StringComparison.Ordinal)
        ? File.Exists(program) ? System.IO.Path.GetFullPath(program) : null
        : (path ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => System.IO.Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static string VersionOf(string program)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, "--version")
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (!process.WaitForExit(_patience))
            {
                process.Kill(entireProcessTree: true);
            }

            return output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new RecipeException($"{program}: cannot be started ({e.Message}); let {Variable} name another");
        }
    }

    // mpirun (Open MPI) 5.0.3; mpirun.openmpi (OpenRTE) 4.1.4
    [GeneratedRegex(@"\((?:Open MPI|OpenRTE|PRRTE)\)\s+v?(\d+)")]
    private static partial Regex OpenMpi();

    // HYDRA build details: Version: 4.0.2
    [GeneratedRegex(@"HYDRA build details:\s+Version:\s+(\d+)")]
    private static partial Regex Hydra();
}
