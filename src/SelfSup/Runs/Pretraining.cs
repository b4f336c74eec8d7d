using System.Globalization;
using System.Reflection;

using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Evaluation;
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
    private readonly RunRanks _ranks;
    private RunDirectory _directory = null!;
    private RunImages _images = null!;
    private RunBatches _batches = null!;
    private RunProducts _products = null!;
    private TrainingPlan _plan = null!;
    private RunIdentity _identity = null!;
    private Method _method = null!;
    private RunEvaluation? _evaluation;
    private TrainingRun _run = null!;
    private Compute _compute = null!;
    private RunHistory _history = null!;
    private WarmStart? _warmStart; // while encoders are built
    private WarmFit? _warmFit;
    private RunParts _parts = null!;

    private Pretraining(Recipe recipe, IRunProgress progress, RunControls controls, TimeProvider time, Communicator communicator)
    {
        (_recipe, _progress, _controls, _time) = (recipe, progress, controls, time);
        _ranks = Own(new RunRanks(communicator));
    }

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
    /// <param name="communicator">The ranks, which end with the run; null for one.</param>
    /// <exception cref="SelfSupException">Recipe, data, run directory or checkpoints are wrong.</exception>
    public static Pretraining Create(
        Recipe recipe,
        RecipeReader reader,
        string runDirectory,
        IRunProgress progress,
        TrainingMetrics metrics,
        TimeProvider time,
        RunControls? controls = null,
        bool isProfiled = false,
        Communicator? communicator = null)
    {
        var run = new Pretraining(recipe, progress, controls ?? new RunControls(), time, communicator ?? Communicator.Single);
        try
        {
            run.Build(reader, runDirectory, metrics, time, isProfiled);
            return run;
        }
        catch (Exception e)
        {
            run._ranks.End(e);
            run.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until it is told to stop.</summary>
    /// <returns>Whether the end was reached.</returns>
    public bool Run(CancellationToken stopping)
    {
        using var watchdog = Watchdog.Start(_controls, _recipe.Run.Hang, _history, _progress, _directory.Path, _time);
        try
        {
            return new RunEnding(_history, _controls).Of(() => Train(stopping), () => Step);
        }
        catch (Exception e)
        {
            _ranks.End(e);
            throw;
        }
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
            _images.Training.Count,
            _method.Encoder.Parameters.Values.numel(),
            _compute.Device.ToString(),
            _identity.Threads,
            Stores())
        {
            Ranks = _ranks.Communicator.Ranks,
            Engine = _ranks.Communicator.Engine,
            IsExact = _run.IsExact,
            IsWarm = _recipe.Init?.From is not null,
            WarmStart = _warmFit is null ? null : new WarmStartFacts(_warmFit.From, _warmFit.Message, _warmFit.Notes),
        });
        if (_warmFit is { } fit)
        {
            _history.Add(new RunEvent(RunEventKind.WarmStarted) { Step = 0, Message = fit.History });
            if (fit.Warning is { } warning)
            {
                _progress.Warn(warning);
            }
        }

        if (_batches.Warning is { } slow)
        {
            _progress.Warn(slow);
        }

        if (_compute is { IsCuda: false, Precision: Precision.Bfloat16 } && Autocast.ProcessorHasBFloat16 == false)
        {
            _progress.Warn("training.precision: bfloat16 on a processor that has no instructions for it, where float32 is faster");
        }

        if (!_run.Run(stopping))
        {
            _ranks.Communicator.Barrier(); // the first may still write the checkpoint, and who ends first may end the others
            return false;
        }

        _controls.Heartbeat.Beat("writing the backbone");
        _ranks.Communicator.Barrier(); // all have listed the images that they skipped
        if (_ranks.IsFirst)
        {
            Result = _products.Write(_run, Stores());
        }

        _ranks.Communicator.Barrier(); // who ends first may end the others, by some launchers
        return true;
    }

    private void Build(RecipeReader reader, string runDirectory, TrainingMetrics metrics, TimeProvider time, bool isProfiled)
    {
        var training = _recipe.Training;
        var threads = _recipe.Run.Threads ?? _controls.Cores;
        set_num_threads(threads);
        _ranks.Join(runDirectory, _recipe, _controls, time);
        _compute = Devices.ForTraining(training, _recipe.Run.Replicas, _controls.Gpu);

        _images = Own(RunImages.Open(_recipe));
        var count = _images.Training.Count;
        _batches = Own(RunBatches.Open(_recipe, reader, _images.Training, _ranks.Communicator.Ranks));
        _plan = Plan();
        var settings = RecipeWriter.Settings(_recipe);
        settings.Add(Resumption.ImagesFound, count.ToString(CultureInfo.InvariantCulture));
        _identity = new RunIdentity(settings, RecipeWriter.Hash(_recipe), threads, _compute.Device.ToString())
        {
            Ignored = RecipeWriter.Ignored(_recipe),
            Images = new Dictionary<string, SourceFiles>([.. _images.Files(), .. _batches.Files()]),
            Ranks = _ranks.Communicator.Ranks,
            Classes = _recipe.Method!.Options is ClassificationOptions ? _images.Training.ClassNames : [],
        };
        RankAgreement.Require(_ranks.Communicator, _identity);

        // A run that goes on has weights of its own.
        _warmStart = _recipe.Init?.From is { } from && RunDirectory.CheckpointsOf(runDirectory).Paths.Count == 0
            ? Own(WarmStart.Load(from, _progress.Warn, _recipe.Init.Prefix))
            : null;
        _ = _recipe.Init?.Head == HeadStart.Fresh ? _warmStart?.WithFreshHead() : null;
        var span = new ScheduleSpan(training.Epochs * _plan.StepsPerEpoch, _plan.StepsPerEpoch);
        _method = Own(reader.Methods.Create(
            _recipe.Method!.Name,
            _recipe.Method.Options,
            new MethodContext(NewEncoder, count, _ranks.Communicator)
            {
                Seed = _recipe.Run.Seed,
                GlobalBatchSize = training.GlobalBatchSize,
                SyncBatchNorm = _recipe.Ranks.SyncBatchNorm,
                Classes = _images.Training.ClassNames.Count,
                ClassNames = _images.Training.ClassNames,
                Catalogs = reader.Catalogs,
                Tuples = _batches.NewTuples(),
                Values = _batches.Values,
                Span = span,
            }));
        if (_method.GetType().GetCustomAttribute<ViewsAttribute>()?.Of(_recipe.Method.Options) is { } said && said != _method.Views)
        {
            throw new InvalidOperationException(
                $"{_method.GetType()} compares {_method.Views} views and its [Views] says {said}; make them agree");
        }

        _warmFit = _warmStart?.Fit(_method.Encoder);
        FineTuning.Apply(_method, _recipe.Finetune);
        var optimizer = Own(reader.Optimizers.Create(
            _recipe.Optimizer!.Name, _recipe.Optimizer.Options, _method.Encoder.Parameters));
        var schedule = reader.Schedules.Create(_recipe.Schedule!.Name, _recipe.Schedule.Options, span);

        _evaluation = RunJudge.Create(_recipe, reader, _images, _compute, _controls);
        _directory = Own(_ranks.Open(runDirectory));
        _products = new RunProducts(
            _recipe, reader, _directory, _identity, _plan, _method, _compute.Device.ToString(),
            () => _unreadable.Snapshot().Concat(_evaluation?.Unreadable ?? []),
            _ranks.Communicator);
        _history = new RunHistory(_ranks.IsFirst ? _directory.HistoryFile : null, time, _progress.Warn);
        var loader = Own(Loader(reader));
        var clock = isProfiled
            ? new StepClock(time, _compute.IsCuda ? () => cuda.synchronize(_compute.Device) : null)
            : new StepClock(time, keepsSteps: false); // a run never waits for its device to be timed
        var trainer = new Trainer(
            _method, optimizer, schedule, _ranks.Communicator, Own(Embedder()), _compute.Device,
            new TrainerOptions(
                training.ClipGradientNorm,
                _recipe.Telemetry.EmbeddingsEverySteps,
                _recipe.Ranks.Overlap,
                _recipe.Ranks.CompareEverySteps,
                _recipe.Telemetry.TensorBoard?.HistogramsEverySteps),
            clock, _controls.Heartbeat);
        _run = Own(new TrainingRun(
            _plan,
            _identity,
            trainer,
            loader,
            _evaluation is not { } evaluation
                ? null
                : stopping => RankAgreement.Of(_ranks.Communicator, () => evaluation.Evaluate(_method.Encoder, stopping, _run.Judged)),
            _directory,
            _history,
            new TrainingRunOptions(
                Retention(),
                TimeSpan.FromMinutes(_recipe.Checkpoint.RetryMinutes),
                _recipe.Telemetry.EverySteps,
                training.OnCollapse,
                training.SkipNonFinite),
            _products.ListUnreadable,
            _progress,
            metrics,
            time,
            _controls,
            _ranks.Communicator,
            clock,
            RunBoards.Of(_recipe, reader, _images, _method.Views, _directory.Path)));
        Own(metrics.Gauges.Of(new RunReadings
        {
            Heartbeat = _controls.Heartbeat,
            ReadyBatches = () => loader.Ready,
            Decoded = () => loader.Decoded.ByPath,
            Unreadable = () => _unreadable.Count,
            Restarts = _run.Restart?.Count,
            Gpu = _controls.ReadGpu,
        }));
        _parts = new RunParts(
            _run, trainer, clock, _method, optimizer, loader, _images.Training, _images.Decoded, _compute, _identity, _ranks.Communicator);
        _run.Restore();
        if (Step == 0 && File.Exists(_directory.ResultFile))
        {
            throw new CheckpointException(
                $"{_directory.Path}: the run is finished (there is a result.json) but its checkpoints are gone; to train again, start " +
                "a new run with --run");
        }

        if (_ranks.IsFirst)
        {
            RunDirectory.Write(_directory.RecipeFile, RecipeWriter.Yaml(_recipe));
        }

        _warmStart?.Dispose();
    }

    private Encoder NewEncoder(EncoderParts? parts)
    {
        var encoder = Encoder.Create(_recipe.Encoder!, _recipe.Run.Seed, _compute, parts);
        _warmStart?.ApplyTo(encoder);
        return encoder;
    }

    private StoreSize[] Stores() => _products.Stores(_images.Training.Count);

    private IEmbedder Embedder() => _recipe.Run.Replicas > 1
        ? new ReplicaGroup(_method, _recipe.Run.Replicas, _identity.Threads, _compute)
        : _recipe.Training.SliceSize is { } sliceSize
            ? new EmbeddingCache(_method, sliceSize, _compute, _controls.Heartbeat)
            : new WholeBatch(_method, _compute);

    private TrainingPlan Plan()
    {
        var training = _recipe.Training;
        var stepsPerEpoch = _batches.StepsPerEpoch;
        var total = training.Epochs * stepsPerEpoch;
        return new TrainingPlan(
            training.GlobalBatchSize,
            stepsPerEpoch,
            Math.Min(total, training.MaxSteps ?? total),
            _recipe.Checkpoint.EveryEpochs * stepsPerEpoch,
            _recipe.Checkpoint.EverySteps,
            _recipe.Evaluation.EveryEpochs * stepsPerEpoch);
    }

    private CheckpointRetention Retention()
    {
        var options = _recipe.Checkpoint;
        var every = new[] { options.KeepEveryEpochs * _plan.StepsPerEpoch, options.KeepEverySteps };
        return new CheckpointRetention(options.Keep, [.. every.OfType<long>()], RunJudge.BestBy(_recipe));
    }

    private ViewLoader Loader(RecipeReader reader)
    {
        if (_recipe.Views!.Views is { } views && views != _method.Views)
        {
            throw new RecipeException(
                $"views: makes {views} views, {_recipe.Method!.Name} compares {_method.Views} as it is set; write one list for all, or as many "
                + "lists or counts as there are views");
        }

        _batches.Require(_method);
        if (_recipe.Run.Replicas > 1 && !_method.AllowsReplicas)
        {
            throw new RecipeException(
                $"run.replicas: must be 1 for {_recipe.Method!.Name} as it is set, which normalises parts of a batch by themselves; leave it out");
        }

        var pipelines = Pipelines.Views(_recipe, reader, _method.Views);
        _method.Check([.. pipelines.Select(pipeline => pipeline.OutputSize!.Value)]);
        var data = _recipe.Data!;
        return new ViewLoader(
            _images.Training,
            _ranks.Share(_batches.NewPlan()),
            pipelines,
            new ViewLoaderOptions
            {
                Seed = _recipe.Run.Seed,
                Workers = data.WorkersBeside(_compute.Device, _controls.Cores),
                Prefetch = data.Prefetch,
                OnUnreadable = data.OnUnreadable,
                MaxPixels = data.MaxPixels,
                Decoder = data.Decoder,
                ScaleJpeg = data.ScaleJpeg,
                Cache = _images.Decoded,
                Format = _compute.Views,
                PinnedMemory = _compute.IsCuda,
            },
            _unreadable);
    }

    private T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Push(disposable);
        return disposable;
    }
}
