using SelfSup.Checkpoints;
using SelfSup.Tools.Crash;
using SelfSup.Training;

namespace SelfSup.IntegrationTests.Support;

/// <summary>What a run left on disk.</summary>
/// <param name="path">Its directory.</param>
internal sealed class RunFiles(string path)
{
    /// <summary>What happened to it, oldest first.</summary>
    public IReadOnlyList<RunEvent> History => RunHistory.Read(RunDirectory.HistoryOf(path));

    /// <summary>The kinds of that, in order.</summary>
    public IEnumerable<RunEventKind> Kinds => History.Select(happened => happened.Event);

    /// <summary>The newest checkpoint's step.</summary>
    public long NewestCheckpoint => CheckpointName.Parse(RunDirectory.CheckpointsOf(path).Paths[^1])!.Value.Step;

    public string this[params string[] parts] => Path.Combine([path, .. parts]);

    /// <summary>Fails unless another run has the same weights, optimizer state, stores, evaluations, metrics and results.</summary>
    public void IsTheSameAs(RunFiles expected) => Assert.Empty(RunEnd.Differences(expected[[]], this[[]]));
}
