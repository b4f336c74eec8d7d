namespace SelfSup.Training;

/// <summary>What a run's history tells of how often, and after what, it was started again.</summary>
/// <param name="Count">How often the process that watches over it has done so.</param>
/// <param name="Since">Since when nothing trained, where this process is such a start; null where it is none.</param>
/// <param name="Cause">What had ended the process before, where that is known.</param>
internal sealed record RunRestart(long Count, DateTimeOffset? Since, RunEvent? Cause)
{
    /// <summary>Reads a history, to which this process has not added its own start yet.</summary>
    public static RunRestart Of(IReadOnlyList<RunEvent> history)
    {
        var count = history.Count(happened => happened.Event == RunEventKind.Restarted);
        RunEvent? restarted = null;
        RunEvent? cause = null;
        foreach (var happened in history)
        {
            switch (happened.Event)
            {
                case RunEventKind.Failed or RunEventKind.Died:
                    cause = happened;
                    break;
                case RunEventKind.Restarted:
                    restarted = happened;
                    break;
                case RunEventKind.Started or RunEventKind.Resumed:
                case RunEventKind.Stopped or RunEventKind.GivenUp: // whoever starts it next is somebody else
                    (restarted, cause) = (null, null);
                    break;
                default:
                    break;
            }
        }

        return new RunRestart(count, restarted is null ? null : cause?.At ?? restarted.At, restarted is null ? null : cause);
    }
}
