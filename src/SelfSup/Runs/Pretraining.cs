using System.Globalization;
using System.Reflection;

using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Recipes;
using SelfSup.Telemetry;
using SelfSup.Tensors;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>A pretraining run put together from its recipe: the whole object graph, top to bottom.</summary>
internal sealed class Pretraining : IDisposable
{
    private readonly Stack<IDisposable> _owned = new();
    private readonly Recipe _recipe;
    private readonly IRunProgress _progress;
    private readonly RunControls _controls;
    private readonly TimeProvider _time;
    private readonly UnreadableImages _unreadable = new();
    private RunDirectory _directory = null!;
    private IImageSource _images = null!;
    private DecodedCache _decoded = null!;
    private TrainingPlan _plan = null!;
    private RunIdentity _identity = null!;
    private Method _method = null!;
    private KnnEvaluation? _evaluation;
    private TrainingRun _run = null!;
    private Compute _compute = null!;
    private RunParts _parts = null!;
    private RunHistory _history = null!;

    private Pretraining(Recipe recipe, IRunProgress progress, RunControls controls, TimeProvider time) =>
        (_recipe, _progress, _controls, _time) = (recipe, progress, controls, time);

    /// <summary>Steps done.</summary>
    public long Step => _run.State.Step;

    /// <summary>What <c>result.json</c> holds, once the run is finished.</summary>
    public IReadOnlyDictionary<string, object?> Result { get; private set; } = new Dictionary<string, object?>();

    /// <summary>What a profile looks at.</summary>
    internal RunParts Parts => _parts;

    /// <summary>Builds the run. Everything that can be wrong with recipe and data is found here.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="reader">The catalogues it was read with.</param>
    /// <param name="runDirectory">Where the run's files go.</param>
    /// <param name="progress">Where the run tells how it goes.</param>
    /// <param name="metrics">Its instruments.</param>
    /// <param name="time">The clock.</param>
    /// <param name="controls">What the program around it asks of it and hears from it; null where it does neither.</param>
    /// <param name="isProfiled">Whether the parts of its steps are timed.</param>
    /// <exception cref="SelfSupException">Recipe, data, run directory or checkpoints are wrong.</exception>
    public static Pretraining Create(
        Recipe recipe,
        RecipeReader reader,
        string runDirectory,
        IRunProgress progress,
        TrainingMetrics metrics,
        TimeProvider time,
        RunControls? controls = null,
        bool isProfiled = false)
    {
        var run = new Pretraining(recipe, progress, controls ?? new RunControls(), time);
        try
        {
            run.Build(reader, runDirectory, metrics, time, isProfiled);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until it is told to stop.</summary>
    /// <returns>Whether the end was reached.</returns>
    public bool Run(CancellationToken stopping)
    {
        using var watchdog = Watchdog.Start(_controls, _recipe.Run.Hang, _history, _progress, _directory.Path, _time);
        return new RunEnding(_history, _controls).Of(() => Train(stopping), () => Step);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_owned.TryPop(out var owned))
        {
            owned.Dispose();
        }
    }

    private bool Train(CancellationToken stopping)
    {
        _progress.Started(new RunStart(
            _directory.Path,
            Step,
            _plan,
            _images.Count,
            _method.Encoder.Parameters.Values.numel(),
            _compute.Device.ToString(),
            _identity.Threads,
            Stores()));
        if (_compute is { IsCuda: false, Precision: Precision.Bfloat16 } && Autocast.ProcessorHasBFloat16 == false)
        {
            _progress.Warn("training.precision: bfloat16 on a processor that has no instructions for it, where float32 is faster");
        }

        try
        {
            if (!_run.Run(stopping))
            {
                return false;
            }
        }
        finally
        {
            WriteUnreadable();
        }

        _controls.Heartbeat.Beat("writing the backbone");
        Result = Summary();
        RunDirectory.Write(_directory.BackboneFile, stream => BackboneFile.Write(stream, _method.Encoder.Backbone, Metadata()));
        _directory.WriteResult(Result);
        return true;
    }

    private void Build(RecipeReader reader, string runDirectory, TrainingMetrics metrics, TimeProvider time, bool isProfiled)
    {
        var (data, training) = (_recipe.Data!, _recipe.Training);
        var threads = _recipe.Run.Threads ?? Environment.ProcessorCount;
        set_num_threads(threads);
        _compute = Devices.ForTraining(training, _recipe.Run.Replicas);

        _images = Own(ImageSources.Open(data));
        _decoded = new DecodedCache(_images.Count, data.DecodedCacheMegabytes * (1L << 20));
        _plan = Plan(_images.Count);
        // How many images there are belongs to the recipe's fingerprint: a path says nothing of what lies there now.
        var settings = RecipeWriter.Settings(_recipe);
        settings.Add("data (images found)", _images.Count.ToString(CultureInfo.InvariantCulture));
        _identity = new RunIdentity(settings, RecipeWriter.Hash(_recipe), threads);

        var span = new ScheduleSpan(training.Epochs * _plan.StepsPerEpoch, _plan.StepsPerEpoch);
        _method = Own(reader.Methods.Create(
            _recipe.Method!.Name,
            _recipe.Method.Options,
            new MethodContext(NewEncoder, _images.Count, Communicator.Single)
            {
                Seed = _recipe.Run.Seed,
                GlobalBatchSize = training.GlobalBatchSize,
                Span = span,
            }));
        if (_method.GetType().GetCustomAttribute<ViewsAttribute>()?.Of(_recipe.Method.Options) is { } said && said != _method.Views)
        {
            throw new InvalidOperationException(
                $"{_method.GetType()} compares {_method.Views} views and its [Views] says {said}; make them agree");
        }

        var optimizer = Own(reader.Optimizers.Create(
            _recipe.Optimizer!.Name, _recipe.Optimizer.Options, _method.Encoder.Parameters));
        var schedule = reader.Schedules.Create(_recipe.Schedule!.Name, _recipe.Schedule.Options, span);

        _evaluation = Judge(reader);
        _directory = Own(RunDirectory.Open(runDirectory));
        _history = new RunHistory(_directory.HistoryFile, time, _progress.Warn);
        var loader = Own(Loader(reader));
        var clock = isProfiled ? new StepClock(time, _compute.IsCuda ? () => cuda.synchronize(_compute.Device) : null) : null;
        _run = Own(new TrainingRun(
            _plan,
            _identity,
            new Trainer(_method, optimizer, schedule, Communicator.Single, Own(Embedder()), _compute.Device,
                new TrainerOptions(training.ClipGradientNorm, _recipe.Telemetry.EmbeddingsEverySteps, training.OnNonFinite == OnTrouble.GoOn),
                clock, _controls.Heartbeat),
            loader,
            _evaluation is not { } evaluation ? null : stopping => evaluation.Evaluate(_method.Encoder, stopping),
            _directory,
            _history,
            new TrainingRunOptions(
                _recipe.Checkpoint.Keep,
                _recipe.Checkpoint.KeepBest ? "knn" : null,
                _recipe.Telemetry.EverySteps,
                training.OnCollapse,
                training.OnNonFinite),
            _progress,
            metrics,
            time,
            _controls,
            clock));
        _parts = new RunParts(_run, clock, _method, optimizer, loader, _images, _decoded, _compute, _identity);
        _run.Restore();
        if (Step == 0 && File.Exists(_directory.ResultFile))
        {
            throw new CheckpointException(
                $"{_directory.Path}: the run is finished (there is a result.json) but its checkpoints are gone; to train again, start " +
                "a new run with --run");
        }

        RunDirectory.Write(_directory.RecipeFile, RecipeWriter.Yaml(_recipe));
    }

    private Encoder NewEncoder(EncoderParts? parts) => Encoder.Create(_recipe.Encoder!, _recipe.Run.Seed, _compute, parts);

    /// <summary>What the method keeps between steps.</summary>
    private StoreSize[] Stores()
    {
        var encoder = _method.Encoder;
        return (_recipe.Method!.Options as IRemembers)?.Stores(
            new StoreScale(_images.Count, encoder.Widths.Embedding, encoder.SharedLength)).ToArray() ?? [];
    }

    private IEmbedder Embedder() => _recipe.Run.Replicas > 1
        ? new ReplicaGroup(_method, _recipe.Run.Replicas, _identity.Threads, _compute)
        : _recipe.Training.SliceSize is { } sliceSize
            ? new EmbeddingCache(_method, sliceSize, _compute, _controls.Heartbeat)
            : new WholeBatch(_method, _compute);

    private TrainingPlan Plan(int images)
    {
        var training = _recipe.Training;
        if (training.GlobalBatchSize > images)
        {
            throw new RecipeException(
                $"training.globalBatchSize: {training.GlobalBatchSize} is more than the {images} images of {_recipe.Data!.Path}; " +
                "lower it or name more images");
        }

        var stepsPerEpoch = images / training.GlobalBatchSize;
        var total = training.Epochs * (long)stepsPerEpoch;
        return new TrainingPlan(
            training.GlobalBatchSize,
            stepsPerEpoch,
            Math.Min(total, training.MaxSteps ?? total),
            (long)_recipe.Checkpoint.EveryEpochs * stepsPerEpoch,
            _recipe.Checkpoint.EverySteps,
            (long)_recipe.Evaluation.EveryEpochs * stepsPerEpoch);
    }

    private KnnEvaluation? Judge(RecipeReader reader)
    {
        var options = _recipe.Evaluation;
        if (options.Test is null)
        {
            return null;
        }

        var train = options.Train is null ? _images : Own(ImageSources.Open(options.Train));
        var test = Own(ImageSources.Open(options.Test));
        return new KnnEvaluation(
            new LabelledImages(
                train, options.Train ?? _recipe.Data!, "evaluation.train", options.Train is null ? _decoded : null),
            new LabelledImages(test, options.Test, "evaluation.test"),
            new FeatureExtractor(
                Pipelines.Evaluation(_recipe, reader), options.BatchSize, _recipe.Data!.WorkersBeside(_compute.Device),
                Devices.ForEvaluation(_compute.Device, options.Precision) with { ChannelsLast = _compute.ChannelsLast },
                _controls.Heartbeat),
            options.Knn,
            _controls.Heartbeat);
    }

    private ViewLoader Loader(RecipeReader reader)
    {
        if (_recipe.Views!.Views is { } views && views != _method.Views)
        {
            throw new RecipeException(
                $"views: makes {views} views, {_recipe.Method!.Name} compares {_method.Views} as it is set; write one list for all, or as many "
                + "lists or counts as there are views");
        }

        if (_method.NeedsLabels && _images.ClassNames.Count == 0)
        {
            throw new DataException(
                $"{_recipe.Data!.Path}: has no labels, {_recipe.Method!.Name} learns from them; name labelled images or another method");
        }

        if (_recipe.Run.Replicas > 1 && !_method.AllowsReplicas)
        {
            throw new RecipeException(
                $"run.replicas: must be 1 for {_recipe.Method!.Name} as it is set, which normalises parts of a batch by themselves; leave it out");
        }

        var pipelines = Pipelines.Views(_recipe, reader, _method.Views);
        _method.Check([.. pipelines.Select(pipeline => pipeline.OutputSize!.Value)]);
        var data = _recipe.Data!;
        return new ViewLoader(
            _images,
            new ShuffledBatches(_recipe.Run.Seed, _images, _plan.BatchSize, _images.WindowBlocks),
            pipelines,
            new ViewLoaderOptions
            {
                Seed = _recipe.Run.Seed,
                Workers = data.WorkersBeside(_compute.Device),
                Prefetch = data.Prefetch,
                OnUnreadable = data.OnUnreadable,
                MaxPixels = data.MaxPixels,
                ScaleJpeg = data.ScaleJpeg,
                Cache = _decoded,
                Format = _compute.Views,
                PinnedMemory = _compute.IsCuda,
            },
            _unreadable);
    }

    private Dictionary<string, string> Metadata() => new()
    {
        [BackboneFile.RecipeKey] = RecipeWriter.Yaml(_recipe),
        ["selfsup.version"] = RunIdentity.Version,
        ["selfsup.method"] = _recipe.Method!.Name,
        ["selfsup.recipeHash"] = _identity.RecipeHash,
        ["selfsup.epochs"] = _plan.Epoch(Step).ToString(CultureInfo.InvariantCulture),
    };

    private Dictionary<string, object?> Summary()
    {
        var state = _run.State;
        var result = new Dictionary<string, object?>();
        foreach (var record in state.Evaluations.Where(e => e.Step == 0))
        {
            foreach (var (name, value) in record.Values)
            {
                result[name + "Untrained"] = value;
            }
        }

        foreach (var (name, value) in state.Evaluations.LastOrDefault(e => e.Step == state.Step)?.Values ?? new Dictionary<string, double>())
        {
            result[name] = value;
        }

        result["loss"] = state.Loss;
        result["epochs"] = _plan.Epoch(state.Step);
        result["steps"] = state.Step;
        result["seconds"] = Math.Round(state.Seconds, 3);
        result["imagesPerSecond"] = Math.Round(state.Step * _plan.BatchSize / state.TrainingSeconds, 2);
        // Written just before, and complete also after a resume.
        result["unreadableImages"] = File.Exists(_directory.UnreadableFile) ? File.ReadLines(_directory.UnreadableFile).Count() : 0;
        result["stores"] = Stores().ToDictionary(store => store.Name, store => store.Bytes);
        result["recipeHash"] = _identity.RecipeHash;
        result["threads"] = _identity.Threads;
        result["device"] = _compute.Device.ToString();
        result["version"] = RunIdentity.Version;
        result["host"] = RunIdentity.Host;
        return result;
    }

    /// <summary>Images that were skipped, each once, whether they were to be trained on or judged by.</summary>
    private IEnumerable<string> Unreadable() =>
        _unreadable.Snapshot().Concat(_evaluation?.Unreadable ?? []).Select(u => $"{u.Where}: {u.Reason}").Distinct();

    /// <summary>Lists skipped images beside those of earlier parts of the run.</summary>
    private void WriteUnreadable()
    {
        var now = Unreadable().ToArray();
        if (now.Length > 0)
        {
            var before = File.Exists(_directory.UnreadableFile) ? File.ReadAllLines(_directory.UnreadableFile) : [];
            RunDirectory.Write(_directory.UnreadableFile, string.Concat(before.Union(now).Select(line => line + "\n")));
        }
    }

    private T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Push(disposable);
        return disposable;
    }
}
