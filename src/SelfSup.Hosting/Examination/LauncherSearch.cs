using System.ComponentModel;
using System.Diagnostics;

using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>Looks for programs that start ranks.</summary>
internal static class LauncherSearch
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Their names; those that an installation has beside others have a suffix.</summary>
    private static readonly string[] _names = ["mpirun", "mpiexec", "mpirun.openmpi", "mpirun.mpich", "mpiexec.hydra", "srun", "torchrun"];

    /// <summary>Those that folders have, a file once.</summary>
    /// <param name="path">Folders, as in <c>PATH</c>.</param>
    public static IReadOnlyList<LauncherProgram> Find(string? path) =>
    [
        .. from name in _names
           let file = (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
               .Select(folder => Path.Combine(folder, name))
               .FirstOrDefault(IsProgram)
           where file is not null
           select (Name: name, File: file, Real: RealPath(file)) into found
           group found by found.Real into same
           let first = same.First()
           select Ask(first.Name, first.File, first.Real),
    ];

    private static LauncherProgram Ask(string name, string file, string real)
    {
        if (name == "torchrun")
        {
            return new LauncherProgram(name, real, Launcher.Torch, "of a PyTorch"); // starting Python only to hear its version is slow
        }

        try
        {
            var (_, output, error) = ProbeProcess.Capture(new ProcessStartInfo(file, "--version"), _patience);
            return Read(name, real, output.Length > 0 ? output : error);
        }
        catch (Win32Exception e)
        {
            return new LauncherProgram(name, real, Launcher.None, $"it does not start ({e.Message})");
        }
    }

    /// <summary>Tells whose a program is by what it says of itself.</summary>
    internal static LauncherProgram Read(string name, string path, string said)
    {
        string[] lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var first = lines.FirstOrDefault() ?? "it says nothing of itself";
        bool Says(string text) => said.Contains(text, StringComparison.Ordinal);
        if (Says("OpenRTE") || Says("Open MPI") || Says("PRRTE"))
        {
            return new LauncherProgram(name, path, Launcher.OpenMpi, $"Open MPI {first.Split(' ')[^1]}");
        }

        if (Says("HYDRA") || Says("MPICH"))
        {
            var version = lines.FirstOrDefault(line => line.StartsWith("Version:", StringComparison.Ordinal))?["Version:".Length..].Trim();
            return new LauncherProgram(name, path, Launcher.Mpich, version is null ? first : $"MPICH {version}");
        }

        return new LauncherProgram(
            name, path, Says("Intel") ? Launcher.Mpich : Says("slurm") ? Launcher.Slurm : Launcher.None, first);
    }

    private static bool IsProgram(string file) =>
        File.Exists(file) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);

    /// <summary>A file's own path: links of it and of its folders followed.</summary>
    private static string RealPath(string file)
    {
        try
        {
            var folder = Path.GetDirectoryName(file)!;
            var real = Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName ?? folder;
            return File.ResolveLinkTarget(Path.Combine(real, Path.GetFileName(file)), returnFinalTarget: true)?.FullName
                ?? Path.Combine(real, Path.GetFileName(file));
        }
        catch (IOException)
        {
            return file;
        }
    }
}
