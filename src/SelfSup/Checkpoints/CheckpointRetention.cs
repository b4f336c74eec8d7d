namespace SelfSup.Checkpoints;

/// <summary>Which checkpoints of a run are kept.</summary>
/// <param name="Newest">How many of the newest.</param>
/// <param name="EverySteps">And each whose step is a multiple of one of these.</param>
/// <param name="BestBy">And the best by this measurement: an evaluation's name, or <c>loss</c>; or null.</param>
internal sealed record CheckpointRetention(int Newest, IReadOnlyList<long> EverySteps, string? BestBy = null)
{
    /// <summary>The measurement that is better where it is lower.</summary>
    public const string Loss = "loss";

    /// <summary>Which of the checkpoints there are may go, but never the newest.</summary>
    /// <param name="paths">All of them, oldest first.</param>
    public IEnumerable<string> Superfluous(IReadOnlyList<string> paths)
    {
        var newestOfStep = paths.GroupBy(path => CheckpointName.Parse(path)!.Value.Step).Select(group => group.Last()).ToArray();
        var best = BestBy is null
            ? null
            : newestOfStep.Select(path => (Path: path, Goodness: Goodness(path))).Where(one => one.Goodness is not null)
                .OrderByDescending(one => one.Goodness).FirstOrDefault().Path; // none was measured yet, maybe
        return paths.Except(newestOfStep).Concat(newestOfStep
            .SkipLast(Newest)
            .Where(path => path != best && !EverySteps.Any(every => CheckpointName.Parse(path)!.Value.Step % every == 0)));
    }

    /// <summary>More is better; null where it was not measured at the checkpoint's step.</summary>
    private double? Goodness(string path)
    {
        try
        {
            var manifest = CheckpointManifest.Read(path);
            return BestBy == Loss
                ? -manifest.Loss
                : manifest.Evaluations.LastOrDefault(e => e.Step == manifest.Step)?.Values.TryGetValue(BestBy!, out var value) == true ? value : null;
        }
        catch (Errors.CheckpointException e) when (e.IsUnread)
        {
            throw new IOException(e.Message, e); // it may be the best: nothing goes for now
        }
        catch (Errors.CheckpointException)
        {
            return null;
        }
    }
}
