using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>Says how MPI stands: libraries, what starts ranks, and whether they belong together.</summary>
internal static class MpiFindings
{
    private const string Install = "install Open MPI (openmpi-bin) or MPICH (mpich)";

    public static FindingGroup Of(MachineState state) => new("MPI", [.. Libraries(state), .. Programs(state)]);

    /// <summary>Why ranks cannot be started by a program; null where they can.</summary>
    internal static (string Because, string Advice)? Hindrance(MachineState state, LauncherProgram program)
    {
        if (state.Belongs(program.Family))
        {
            return null;
        }

        var family = MachineState.NameOf(program.Family);
        if (state.NamedMpi is { } named)
        {
            var library = state.MpiFor(program.Family);
            var other = state.Launchers.FirstOrDefault(other => other.IsMpi && state.Belongs(other.Family));
            return library is null
                ? ($"{Mpi.Variable}={named} is no MPI library that works", Unset(state))
                : (
                    $"{program.Name} is {family}'s and {Mpi.Variable}={named} is {MachineState.NameOf(library)}: each process would be alone",
                    other is null
                        ? $"unset {Mpi.Variable}, or install {MachineState.NameOf(library)} with its mpirun"
                        : $"start ranks with {other.Name}, or unset {Mpi.Variable}");
        }

        return (
            $"{program.Name} is {family}'s and there is no library of {family} that works",
            program.Family == Launcher.OpenMpi ? "install libopenmpi3, or let PATH find another mpirun first" : "install libmpich12, or let PATH find another mpirun first");
    }

    /// <summary>Why there is no program that starts ranks.</summary>
    internal static (string Because, string Advice) NoProgram(MachineState state) => state.UsableMpi.Any()
        ? ("there is a library of MPI and no mpirun in PATH", $"add its folder to PATH, or {Install}")
        : ("there is no MPI", Install);

    private static IEnumerable<Finding> Libraries(MachineState state)
    {
        var named = state.Mpi.FirstOrDefault(library => library.Name == state.NamedMpi);
        if (named is not null)
        {
            yield return named.Failure is { } failure
                ? Finding.Wrong("library", $"{Mpi.Variable}={named.Name}: is no MPI library ({failure})", Unset(state))
                : Finding.Ok("library", $"{named.Version}, {named.Path} (by {Mpi.Variable})");
        }

        var usable = state.UsableMpi.Where(library => library != named && library.Path != (named?.Path ?? "")).ToArray();
        foreach (var library in usable)
        {
            yield return Finding.Ok("library", $"{library.Version}, {library.Path}");
        }

        foreach (var library in state.Mpi.Where(library => !library.IsUsable && !library.IsAbsent && library.Name != state.NamedMpi))
        {
            var text = $"{library.Name}: {library.Failure}";
            yield return usable.Length > 0 ? Finding.Missing("library", text) : Finding.Wrong("library", text, $"{Install} again");
        }

        if (state.Mpi.All(library => library.IsAbsent || library.Name == state.NamedMpi))
        {
            yield return Finding.Missing(
                "library",
                $"none found by itself ({string.Join(", ", Mpi.Candidates(Launcher.None))}); needed for several CPU ranks",
                $"{Install}, or let {Mpi.Variable} name it");
        }
    }

    private static IEnumerable<Finding> Programs(MachineState state)
    {
        foreach (var program in state.Launchers)
        {
            var text = $"{program.Version}, {program.Path}";
            // A library that is named and broken is said above, once.
            yield return !program.IsMpi || (state.NamedMpi is not null && state.MpiFor(program.Family) is null)
                || Hindrance(state, program) is not { } hindrance
                ? Finding.Ok(program.Name, text)
                : Finding.Missing(program.Name, $"{text}; {hindrance.Because}", hindrance.Advice);
        }

        if (!state.Launchers.Any(program => program.IsMpi))
        {
            yield return Finding.Missing("mpirun", "neither mpirun nor mpiexec is in PATH; needed for several CPU ranks", Install);
        }
    }

    private static string Unset(MachineState state) => state.UsableMpi.FirstOrDefault() is { } found
        ? $"unset it ({found.Version} is then used), or let it name such a file as {found.Path}"
        : $"name the file, such as libmpi.so.40 or /usr/lib/libmpich.so.12, or unset it; {Install}";
}
