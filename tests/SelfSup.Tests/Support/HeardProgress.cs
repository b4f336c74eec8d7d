using SelfSup.Training;

namespace SelfSup.Tests.Support;

/// <summary>Hears what a run warns of.</summary>
internal sealed class HeardProgress : IRunProgress
{
    public List<string> Warnings { get; } = [];

    public void Started(RunStart start)
    {
    }

    public void Stepped(StepProgress progress)
    {
    }

    public void Evaluating(long step)
    {
    }

    public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
    {
    }

    public void Saved(long step, string path)
    {
    }

    public void Warn(string message) => Warnings.Add(message);
}
