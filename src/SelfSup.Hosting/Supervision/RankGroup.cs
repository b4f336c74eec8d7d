using System.Diagnostics;

namespace SelfSup.Hosting.Supervision;

/// <summary>
/// The ranks of a run as processes of this machine, each with a link of its own. When one fails, the others get a while to
/// notice it, to say so and to end; then they are ended.
/// </summary>
internal sealed class RankGroup : IRunProcess
{
    /// <summary>How long ranks may outlive one that has failed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SupervisedProcess[] _ranks;
    private readonly TimeSpan _patience;

    private RankGroup(SupervisedProcess[] ranks, TimeSpan patience) => (_ranks, _patience) = (ranks, patience);

    /// <summary>Starts all of them.</summary>
    /// <param name="starts">How, in the order of ranks.</param>
    /// <param name="patience">How long they may outlive one that has failed; null for <see cref="Patience"/>.</param>
    public static RankGroup Start(IReadOnlyList<ProcessStartInfo> starts, TimeSpan? patience = null)
    {
        var started = new List<SupervisedProcess>();
        try
        {
            foreach (var start in starts)
            {
                started.Add(SupervisedProcess.Start(start));
            }
        }
        catch
        {
            foreach (var process in started)
            {
                process.Kill();
                process.Dispose();
            }

            throw;
        }

        return new RankGroup([.. started], patience ?? Patience);
    }

    /// <inheritdoc/>
    public void Tell(byte what) => Array.ForEach(_ranks, rank => rank.Tell(what));

    /// <inheritdoc/>
    public void Kill() => Array.ForEach(_ranks, rank => rank.Kill());

    /// <inheritdoc/>
    public RunEnd Wait()
    {
        var running = _ranks.Select(rank => rank.Ended).ToList();
        var failures = new RankFailures();
        var watch = new Stopwatch();
        var isPatient = true;
        while (running.Count > 0)
        {
            var left = watch.IsRunning && isPatient ? _patience - watch.Elapsed : Timeout.InfiniteTimeSpan;
            if (left == Timeout.InfiniteTimeSpan || left > TimeSpan.Zero)
            {
                Task.WaitAny([.. running], left);
            }

            foreach (var ended in running.FindAll(task => task.IsCompleted))
            {
                running.Remove(ended);
                if (isPatient && failures.Add(Array.FindIndex(_ranks, rank => rank.Ended == ended), ended.Result))
                {
                    watch.Start();
                }
            }

            if (isPatient && watch.Elapsed >= _patience)
            {
                isPatient = false;
                failures.Outlived([.. running.Select(task => Array.FindIndex(_ranks, rank => rank.Ended == task))]);
                Kill();
            }
        }

        return failures.End;
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_ranks, rank => rank.Dispose());
}
