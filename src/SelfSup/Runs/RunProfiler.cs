using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Telemetry;
using SelfSup.Tensors;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>
/// Takes the first steps of a run, with one evaluation and one checkpoint behind them, and says where time and memory go.
/// It is the run that <see cref="Pretraining"/> builds, in a folder that is gone afterwards.
/// </summary>
internal sealed class RunProfiler : IRunProgress
{
    private readonly Recipe _recipe;
    private readonly ProfileOptions _options;
    private readonly IRunProgress _progress;
    private readonly TimeProvider _time;
    private readonly List<long> _ends = [];
    private RunParts _parts = null!;
    private MultiplyCount? _multiplications;
    private HeapPeak? _heap;
    private Residence _resident;
    private string _checkpoint = "";

    private RunProfiler(Recipe recipe, ProfileOptions options, IRunProgress progress, TimeProvider time, Communicator communicator)
    {
        // Of several ranks the steps are taken once more, with gradients averaged behind the backward pass instead of beside it.
        _options = options with { ComparesOverlap = communicator.Ranks > 1 && recipe.Ranks.Overlap };
        (_recipe, _progress, _time) = (recipe, progress, time);
        recipe.Training.MaxSteps = _options.AllSteps;
        recipe.Training.Epochs = Math.Max(recipe.Training.Epochs, _options.AllSteps); // an epoch has one step at least
        recipe.Evaluation.EveryEpochs = 0; // only at the ends, as checkpoints
        recipe.Checkpoint.EveryEpochs = int.MaxValue;
        recipe.Checkpoint.EverySteps = null;
    }

    /// <summary>Profiles a recipe.</summary>
    /// <param name="recipe">The recipe; its length and rhythm are changed.</param>
    /// <param name="reader">The catalogues it was read with.</param>
    /// <param name="options">How many steps.</param>
    /// <param name="progress">Where it tells how it goes.</param>
    /// <param name="metrics">The run's instruments.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopping">Ends it after the step that is under way.</param>
    /// <param name="communicator">The ranks, which end with it; null for one. All of them must profile.</param>
    /// <returns>The profile, on the first rank.</returns>
    /// <exception cref="SelfSupException">Recipe, data or numbers are wrong.</exception>
    /// <exception cref="OperationCanceledException">It was told to stop.</exception>
    public static RunProfile? Run(
        Recipe recipe,
        RecipeReader reader,
        ProfileOptions options,
        IRunProgress progress,
        TrainingMetrics metrics,
        TimeProvider time,
        CancellationToken stopping,
        Communicator? communicator = null)
    {
        var ranks = communicator ?? Communicator.Single;
        var folder = ranks.Broadcast(ranks.Rank == 0 ? NewFolder(options.Folder) : "");
        try
        {
            var profiler = new RunProfiler(recipe, options, progress, time, ranks);
            using var pretraining = Pretraining.Create(recipe, reader, folder, profiler, metrics, time, isProfiled: true, communicator: ranks);
            var profile = profiler.Run(pretraining.Parts, stopping);
            ranks.Barrier(); // the folder is the first one's to remove
            return profile;
        }
        finally
        {
            if (ranks.Rank == 0)
            {
                Remove(folder);
            }
        }
    }

    /// <inheritdoc/>
    public void Started(RunStart start)
    {
    }

    /// <inheritdoc/>
    public void Stepped(StepProgress progress)
    {
        _ends.Add(_time.GetTimestamp());
        Watch(progress.Report.Step);
        if (progress.Report.Step == _options.StepsLeftOut + _options.Steps)
        {
            _parts.Trainer.Overlaps = false; // for the steps that follow, if there are any
        }

        if (progress.Report.Step == _options.AllSteps)
        {
            _resident = Residence.Now(_parts);
        }

        _progress.Stepped(progress);
    }

    /// <inheritdoc/>
    public void Evaluating(long step) => _progress.Evaluating(step);

    /// <inheritdoc/>
    public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
    {
    }

    /// <inheritdoc/>
    public void Saved(long step, string path) => _checkpoint = path;

    /// <inheritdoc/>
    public void Warn(string message) => _progress.Warn(message);

    /// <summary>Where other ranks still write there, it is left: why they do is what is to be told.</summary>
    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
        }
    }

    private static string NewFolder(string beside)
    {
        try
        {
            // Where runs/ is or would be: a link is followed, as its disk is the one that checkpoints are written to.
            var runs = new DirectoryInfo(beside);
            var disk = (runs.LinkTarget is null ? runs : runs.ResolveLinkTarget(returnFinalTarget: true))!;
            var folder = Path.Combine(Path.GetDirectoryName(disk.FullName) ?? disk.FullName, $".selfsup-profile-{Path.GetRandomFileName()}");
            return Directory.CreateDirectory(folder).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException(
                $"{Path.GetDirectoryName(beside)}: a checkpoint has to be written here for a moment and cannot be ({e.Message}); go to a "
                + "folder that can be written");
        }
    }

    private RunProfile? Run(RunParts parts, CancellationToken stopping)
    {
        _parts = parts;
        // How long an evaluation takes is known after one: that of the untrained encoder is left out.
        parts.Run.State.Add(new EvaluationRecord(0, new Dictionary<string, double>()));
        try
        {
            Watch(0);
            if (!parts.Run.Run(stopping))
            {
                throw new OperationCanceledException(stopping);
            }
        }
        finally
        {
            Unwatch();
        }

        return parts.Communicator.Rank == 0 ? Profile() : null;
    }

    /// <summary>
    /// The last of the steps that are left out is looked into: what is counted there takes time, and is the same in all.
    /// </summary>
    private void Watch(long step)
    {
        if (step == _options.StepsLeftOut - 1)
        {
            (_multiplications, _heap) = (new MultiplyCount(), new HeapPeak());
        }
        else if (step == _options.StepsLeftOut)
        {
            Unwatch();
        }
    }

    private void Unwatch()
    {
        _multiplications?.Dispose();
        _heap?.Dispose();
    }

    private RunProfile Profile()
    {
        var measured = _parts.Clock.Steps.Skip(_options.StepsLeftOut).Take(_options.Steps).ToArray();
        var behind = _parts.Clock.Steps.Skip(_options.StepsLeftOut + _options.Steps).ToArray();
        var means = StepTimes.Parts.ToDictionary(part => part, part => measured.Average(step => step[part]));
        var sum = means.Values.Sum();
        double[] steps =
            [.. _ends.Zip(_ends.Skip(1), _time.GetElapsedTime).Skip(_options.StepsLeftOut - 1).Take(_options.Steps).Select(t => t.TotalMilliseconds)];
        var (compute, identity) = (_parts.Compute, _parts.Identity);
        var last = _parts.Clock.Steps[^1];
        return new RunProfile
        {
            Recipe = _recipe.Run.Name!,
            Version = RunIdentity.Version,
            Host = RunIdentity.Host,
            Device = compute.Device.ToString(),
            Threads = identity.Threads,
            Precision = Name(compute.Precision),
            ChannelsLast = compute.ChannelsLast,
            BatchSize = _recipe.Training.GlobalBatchSize,
            StepsLeftOut = _options.StepsLeftOut,
            Steps = steps.Length,
            ImagesPerSecond = 1000 * _recipe.Training.GlobalBatchSize / steps.Average(),
            StepMilliseconds = new(steps.Average(), Median(steps), steps.Min(), steps.Max()),
            AccountedFor = 1000 * sum / steps.Average(),
            Parts = means.ToDictionary(
                part => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(part.Key.ToString()),
                part => new PartTime(1000 * part.Value, part.Value / sum)),
            Ranks = _parts.Communicator.Ranks == 1
                ? null
                : new(
                    _parts.Communicator.Ranks,
                    _parts.Communicator.Engine,
                    _parts.Method.Encoder.Parameters.Gradients.numel() * _parts.Method.Encoder.Parameters.Gradients.element_size(),
                    1000 * means[StepPart.AllReduce],
                    behind.Length == 0 ? null : 1000 * behind.Average(step => step[StepPart.AllReduce])),
            EvaluationSeconds = _recipe.Evaluation.Test is null ? null : last[StepPart.Evaluation],
            Checkpoint = new(
                last[StepPart.Checkpoint], new DirectoryInfo(_checkpoint).EnumerateFiles().Sum(file => file.Length)),
            Memory = MemoryUse.Of(_parts, _resident, _heap!.Growth),
            Arithmetic = Arithmetic(means[StepPart.Forward] + means[StepPart.Backward]),
        };
    }

    /// <param name="seconds">Of forward and backward together.</param>
    private ArithmeticSpeed Arithmetic(double seconds)
    {
        var compute = _parts.Compute;
        var products = new[] { Precision.Float32, Precision.Bfloat16, compute.Precision }.Distinct().ToDictionary(
            Name, precision => MatrixSpeed.Measure(compute.Device, precision, _time));
        var operations = 2.0 * (_multiplications!.Forward + _multiplications.Backward);
        return new ArithmeticSpeed(
            operations, operations / seconds, products, operations / seconds / products[Name(compute.Precision)]);
    }

    /// <summary>As recipes name it.</summary>
    private static string Name(Precision precision) => precision.ToString().ToLowerInvariant();

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <param name="Steps">Steps that are measured.</param>
/// <param name="StepsLeftOut">Steps before them, in which code is compiled and threads are started; one at least.</param>
/// <param name="Folder">Where runs are kept: its disk is the one that a checkpoint is written to.</param>
internal sealed record ProfileOptions(int Steps, int StepsLeftOut, string Folder)
{
    /// <summary>Whether the steps are taken once more to compare.</summary>
    public bool ComparesOverlap { get; init; }

    /// <summary>Steps that are taken.</summary>
    public int AllSteps => StepsLeftOut + (ComparesOverlap ? 2 * Steps : Steps);
}
