using SelfSup.Distributed;

namespace SelfSup.Hosting.Examination;

/// <summary>A program that starts ranks.</summary>
/// <param name="Name">As in <c>PATH</c>.</param>
/// <param name="Path">The file, links followed.</param>
/// <param name="Family">Whose it is; <see cref="Launcher.None"/> where it does not tell.</param>
/// <param name="Version">What it says of itself.</param>
internal sealed record LauncherProgram(string Name, string Path, Launcher Family, string Version)
{
    /// <summary>Whether it starts ranks of MPI by itself.</summary>
    public bool IsMpi => Family is Launcher.OpenMpi or Launcher.Mpich;
}
