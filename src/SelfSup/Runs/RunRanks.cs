using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>The ranks of a run, of which this process is one.</summary>
/// <param name="communicator">How they speak; it ends with this.</param>
internal sealed class RunRanks(Communicator communicator) : IDisposable
{
    private RankWatch? _watch;
    private CheckpointRanks _checkpoints = CheckpointRanks.Single;

    /// <summary>How they speak.</summary>
    public Communicator Communicator => communicator;

    /// <summary>Whether this is the one that writes the run's files.</summary>
    public bool IsFirst => communicator.Rank == 0;

    /// <summary>Lets the ranks know of one another, before anything of them can go wrong.</summary>
    /// <param name="runDirectory">Where they give signs of life.</param>
    /// <param name="recipe">What they train.</param>
    /// <param name="controls">What this one does, and who wants to know that they have joined.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RecipeException">So many ranks cannot train it.</exception>
    public void Join(string runDirectory, Recipe recipe, RunControls controls, TimeProvider time)
    {
        var (ranks, batch) = (communicator.Ranks, recipe.Training.GlobalBatchSize);
        if (ranks == 1)
        {
            return;
        }

        // What earlier starts, or another run in the same folder, have left is told apart by the name of this start.
        _checkpoints = CheckpointGroup.Of(communicator, CPU);
        _watch = new RankWatch(runDirectory, _checkpoints.Session, communicator, controls.Heartbeat, TimeSpan.FromSeconds(recipe.Ranks.SilenceSeconds), time);
        controls.OnJoined?.Invoke();
        if (batch % ranks != 0 || batch < 2 * ranks)
        {
            var each = Math.Max(2, batch / ranks);
            throw new RecipeException(
                $"training.globalBatchSize: is {batch}, must be divisible by the {ranks} ranks, with two images for each at least; take "
                + $"{each * ranks} or {(each + 1) * ranks}, or another number of ranks");
        }

        if (recipe.Run.Replicas > 1)
        {
            throw new RecipeException(
                $"run.replicas: is {recipe.Run.Replicas}, must be 1 on several ranks, which share a batch themselves; leave it out and start "
                + "more ranks");
        }
    }

    /// <summary>The run directory: the first rank holds it.</summary>
    /// <exception cref="RecipeException">It cannot be held.</exception>
    public RunDirectory Open(string path)
    {
        if (!IsFirst)
        {
            return RunDirectory.Join(path, _checkpoints);
        }

        var directory = RunDirectory.Open(path, ranks: _checkpoints);
        _watch?.RemoveOld();
        return directory;
    }

    /// <summary>This rank's images of every batch.</summary>
    public BatchPlan Share(BatchPlan plan) => communicator.Ranks == 1 ? plan : new RankShare(plan, communicator.Rank, communicator.Ranks);

    /// <summary>This rank ends with an error, of which the others are told.</summary>
    public void End(Exception error) => _watch?.End(error);

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch?.Dispose();
        communicator.Dispose();
    }
}
