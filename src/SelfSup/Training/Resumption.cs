using SelfSup.Checkpoints;
using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>Takes a run up where it stopped: from the newest whole checkpoint, under the settings it had.</summary>
/// <param name="directory">The run's files.</param>
/// <param name="identity">What the run is now.</param>
/// <param name="plan">How long it is now.</param>
/// <param name="allowedChanges">Settings, or sections of them, that may differ.</param>
/// <param name="history">Where it is written down.</param>
/// <param name="progress">Where it is said.</param>
internal sealed class Resumption(
    RunDirectory directory,
    RunIdentity identity,
    TrainingPlan plan,
    IReadOnlyCollection<string> allowedChanges,
    RunHistory history,
    IRunProgress progress)
{
    /// <summary>The fingerprint's entry for the number of images: a path says nothing of what lies there now.</summary>
    public const string ImagesFound = "data (images found)";

    /// <summary>What the user would have to allow.</summary>
    public const string Flag = "--allow-change";

    // Which images a step is of, and what their labels mean.
    private static readonly string[] _meaningOfAStep =
        ["training.globalBatchSize", "sampling", "data.pairs", "data.labels", "data.classes", "data.exceptClasses"];

    /// <summary>Whether the run goes on bit for bit; true also for one that begins.</summary>
    public bool IsExact { get; private set; } = true;

    /// <summary>Whether it goes on under other settings than those it had.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Restores a run.</summary>
    /// <returns>Whether there was a checkpoint.</returns>
    /// <exception cref="CheckpointException">The checkpoints are damaged or belong to another recipe.</exception>
    public bool Restore(IStateful trainer, RunState state)
    {
        foreach (var unfinished in directory.Checkpoints.Unfinished)
        {
            Damaged($"{unfinished}: half-written when the process before ended; it is removed with the next checkpoint");
        }

        if (directory.Checkpoints.LoadLatest(damaged => Damaged($"{damaged.Message}; the one before is used"))
            is not { } checkpoint)
        {
            return false;
        }

        using var archive = checkpoint.State;
        var manifest = checkpoint.Manifest;
        var changes = Changes(manifest);
        archive.Part("run", trainer);
        if (archive.Unclaimed.FirstOrDefault() is { } unknown)
        {
            throw new CheckpointException(
                $"{directory.Path}: the checkpoint holds '{unknown}', which this version does not know; resume with SelfSup " +
                $"{manifest.Versions.GetValueOrDefault("selfsup")}, which wrote it");
        }

        if (identity.RoundsOtherwiseThan(manifest) is { Count: > 0 } reasons)
        {
            IsExact = false;
            progress.Warn(
                $"the run goes on with the same data order and augmentation, and numbers equal up to rounding: {string.Join("; ", reasons)}");
        }

        foreach (var change in changes)
        {
            IsChanged = true;
            progress.Warn($"goes on with another setting: {change}");
            history.Add(new RunEvent(RunEventKind.Changed) { Step = manifest.Step, Key = change.Key, Was = change.Was, Is = change.Is });
        }

        state.Restore(manifest);
        return true;
    }

    private void Damaged(string message)
    {
        progress.Warn(message);
        history.Add(new RunEvent(RunEventKind.CheckpointDamaged) { Message = message });
    }

    /// <summary>What differs and may.</summary>
    private List<Difference> Changes(CheckpointManifest manifest)
    {
        List<Difference> differences =
        [
            .. identity.DifferencesTo(manifest).Select(change => new Difference(change.Key, change.Was, change.Is, change.ToString())),
            .. identity.ImagesUnlike(manifest).Select(images => new Difference(
                images.Key, "other images", string.Join(", ", images.Differences), $"{images.Key}: {string.Join(", ", images.Differences)}")),
        ];
        var refused = differences.Where(difference => !allowedChanges.Any(allowed => Covers(allowed, difference.Key))).ToArray();
        if (refused.Length > 0)
        {
            throw new CheckpointException(
                $"{directory.Path}: the run was started with another recipe or other images: {string.Join("; ", refused.AsEnumerable())}; give it "
                + $"what it had, let it go on with {Flag} {string.Join(' ', refused.Select(difference => difference.Key.Split(' ')[0]).Distinct())}, "
                + "or start a new run with --run");
        }

        // A step must go on to mean the same images: how many are done is all that a checkpoint knows of the order.
        if (differences.Find(difference => difference.Key == ImagesFound || _meaningOfAStep.Any(key => Covers(key, difference.Key))) is { } mixed)
        {
            throw new CheckpointException(
                $"{directory.Path}: {mixed}: steps would be of other images than those that are done, and what was seen and what was not be mixed "
                + "up; start a new run with init.from for the weights");
        }

        if (manifest.Step > plan.TotalSteps)
        {
            throw new CheckpointException(
                $"{directory.Path}: {manifest.Step} steps are done and the run would have {plan.TotalSteps} ({string.Join("; ", differences)}); "
                + "let it have as many at least, or start a new run with --run");
        }

        return differences;
    }

    /// <summary>Whether what the user named is the key, or a section of it.</summary>
    private static bool Covers(string allowed, string key) =>
        key.StartsWith(allowed, StringComparison.Ordinal) && (key.Length == allowed.Length || key[allowed.Length] is '.' or '[' or ' ');

    /// <summary>A setting, or the images it names, that is not what it was.</summary>
    private sealed record Difference(string Key, string Was, string Is, string Text)
    {
        /// <inheritdoc/>
        public override string ToString() => Text;
    }
}
