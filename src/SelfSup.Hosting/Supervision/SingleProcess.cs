using System.Diagnostics;

namespace SelfSup.Hosting.Supervision;

/// <summary>A run of one process.</summary>
/// <param name="start">The process.</param>
internal sealed class SingleProcess(ProcessStartInfo start) : IRunStarter
{
    /// <inheritdoc/>
    public int Ranks => 1;

    /// <inheritdoc/>
    public IRunProcess Start() => SupervisedProcess.Start(start);

    /// <inheritdoc/>
    public string? GoOnWithout(int lost) => null;
}
