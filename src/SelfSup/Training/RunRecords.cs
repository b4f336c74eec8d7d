using SelfSup.Diagnostics;

namespace SelfSup.Training;

/// <summary>
/// Where a run writes down its numbers as it goes: <c>metrics.jsonl</c>, <c>metrics.parquet</c> made of it, and files for TensorBoard
/// where they are asked for. None of them stops it.
/// </summary>
/// <param name="directory">Where the files are.</param>
/// <param name="state">The run as it begins or goes on.</param>
/// <param name="time">The clock.</param>
/// <param name="warn">Told when something cannot be written. From any thread.</param>
/// <param name="board">The files for TensorBoard, or null.</param>
internal sealed class RunRecords(RunDirectory directory, RunState state, TimeProvider time, Action<string> warn, RunBoard? board) : IDisposable
{
    private readonly MetricsLog _log = new(directory.MetricsFile, state, time, warn);
    private readonly MetricsTable _table = new(directory.MetricsFile, directory.MetricsTableFile, time, warn);

    /// <summary>The numbers of a step.</summary>
    public void Step(StepProgress progress, double stepSeconds, double waitSeconds, int images)
    {
        _log.Step(progress, stepSeconds, waitSeconds, images);
        board?.Step(progress, stepSeconds, waitSeconds, images);
    }

    /// <summary>A look at the embedding space.</summary>
    public void Embeddings(StepProgress progress, EmbeddingReport space, IReadOnlyDictionary<string, double> facts)
    {
        _log.Embeddings(progress, space, facts);
        board?.Embeddings(progress, space, facts);
    }

    /// <summary>What an evaluation gave.</summary>
    public void Evaluation(long step, double epoch, IReadOnlyDictionary<string, double> values, double seconds)
    {
        _log.Evaluation(step, epoch, values, seconds);
        board?.Evaluation(step, values);
    }

    /// <summary>So many steps are done, or the run begins with them.</summary>
    public void Reached(long step) => board?.Reached(step);

    /// <summary>
    /// Forces what there is so far to disk, where it lets it: what is of the steps before a checkpoint is not written again after a
    /// resume from it. What takes long is not waited for. From any thread.
    /// </summary>
    public void FlushToDisk()
    {
        _log.FlushToDisk();
        board?.FlushToDisk();
        _table.Request();
    }

    /// <summary>The run ends here, for now or for good.</summary>
    /// <param name="isDone">Whether all steps are done.</param>
    /// <param name="beat">Called as it goes on.</param>
    public void Finish(bool isDone, Action beat)
    {
        _log.FlushToDisk();
        board?.FlushToDisk();
        _table.Finish(isDone, beat);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _table.Dispose();
        _log.Dispose();
        board?.Dispose();
    }
}
