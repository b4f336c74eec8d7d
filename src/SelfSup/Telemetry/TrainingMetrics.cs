using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SelfSup.Telemetry;

/// <summary>
/// Every instrument of a run that is told of what happens, created once; <see cref="RunGauges"/> has those that are asked. Names
/// follow OpenTelemetry's conventions; units are in the metadata.
/// </summary>
internal sealed class TrainingMetrics
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string SourceName = "SelfSup.Training";

    // Seconds of steps and their parts: from narrow networks on a GPU to large batches on a CPU.
    private static readonly double[] _stepSeconds =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    // Seconds of what happens between steps.
    private static readonly double[] _longSeconds = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

    private static readonly long[] _bytes = [.. Enumerable.Range(0, 9).Select(i => 1L << (20 + (2 * i)))]; // 1 MiB to 64 GiB

    // Before its weights change a step waits for the snapshot of a checkpoint.
    private static readonly (StepPart Part, KeyValuePair<string, object?> Tag)[] _parts =
    [
        .. StepTimes.Parts.Append(StepPart.Checkpoint).Select(part => (part, new KeyValuePair<string, object?>("selfsup.step.part", part switch
        {
            StepPart.DataWait => "data_wait",
            StepPart.Compare => "loss",
            StepPart.AllReduce => "all_reduce",
            StepPart.GradientNorm => "gradient_norm",
            _ => part.ToString().ToLowerInvariant(),
        }))),
    ];

    private readonly Gauge<double> _loss;
    private readonly Gauge<double> _learningRate;
    private readonly Gauge<double> _gradientNorm;
    private readonly Gauge<double> _epoch;
    private readonly Gauge<double> _progress;
    private readonly Histogram<double> _stepDuration;
    private readonly Histogram<double> _partDuration;
    private readonly Histogram<double> _dataWait;
    private readonly Counter<long> _steps;
    private readonly Counter<long> _images;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _spikes;
    private readonly Histogram<double> _checkpointDuration;
    private readonly Histogram<double> _checkpointStall;
    private readonly Histogram<long> _checkpointSize;
    private readonly Counter<long> _checkpointFailures;
    private readonly Gauge<double> _accuracy;
    private readonly Histogram<double> _evaluationDuration;
    private readonly EmbeddingGauges _embeddings;

    public TrainingMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(SourceName);
        Histogram<double> Seconds(string name, string description, double[] boundaries) => meter.CreateHistogram(
            name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

        _loss = meter.CreateGauge<double>("selfsup.training.loss", "1", "Mean loss of the step");
        _learningRate = meter.CreateGauge<double>("selfsup.training.learning_rate", "1", "Learning rate of the step");
        _gradientNorm = meter.CreateGauge<double>("selfsup.training.gradient_norm", "1", "Euclidean norm of all gradients");
        _epoch = meter.CreateGauge<double>("selfsup.training.epoch", "{epoch}", "Epochs done, with the part of the current one");
        _progress = meter.CreateGauge<double>("selfsup.training.progress", "1", "Share of the run's steps that are done");
        _stepDuration = Seconds("selfsup.training.step.duration", "Time of a step, wait for data included", _stepSeconds);
        _partDuration = Seconds("selfsup.training.step.part.duration", "Time of a step by its parts", _stepSeconds);
        _dataWait = Seconds("selfsup.data.wait.duration", "Time a step waited for its batch", _stepSeconds);
        _steps = meter.CreateCounter<long>("selfsup.training.steps", "{step}", "Steps done");
        _images = meter.CreateCounter<long>("selfsup.training.images", "{image}", "Images trained on, of this rank");
        _skipped = meter.CreateCounter<long>(
            "selfsup.training.steps.skipped", "{step}", "Steps left out because loss or gradient was no number");
        _spikes = meter.CreateCounter<long>("selfsup.training.loss.spikes", "{spike}", "Jumps of the loss");
        _checkpointDuration = Seconds("selfsup.checkpoint.duration", "Time to write a checkpoint, beside steps", _longSeconds);
        _checkpointStall = Seconds("selfsup.checkpoint.stall.duration", "Time that training stood still for a checkpoint", _longSeconds);
        _checkpointSize = meter.CreateHistogram(
            "selfsup.checkpoint.size", "By", "Size of a checkpoint", tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = _bytes });
        _checkpointFailures = meter.CreateCounter<long>(
            "selfsup.checkpoint.failures", "{failure}", "Checkpoints that could not be written and are tried again");
        _accuracy = meter.CreateGauge<double>("selfsup.evaluation.accuracy", "1", "What an evaluation measured, 0 to 1, by evaluator");
        _evaluationDuration = Seconds("selfsup.evaluation.duration", "Time of an evaluation", _longSeconds);
        _embeddings = new EmbeddingGauges(meter);
        Gauges = new RunGauges(meter);
    }

    /// <summary>Spans of runs, epochs, checkpoints, evaluations and restarts.</summary>
    public static ActivitySource Activities { get; } = new(SourceName);

    /// <summary>What is asked when somebody reads.</summary>
    public RunGauges Gauges { get; }

    /// <summary>A run begins: what has not happened yet has happened zero times, so that the first time is seen as a change.</summary>
    public void Begin()
    {
        _steps.Add(0);
        _images.Add(0);
        _skipped.Add(0);
        _spikes.Add(0);
        _checkpointFailures.Add(0);
    }

    /// <summary>A step is done.</summary>
    public void Step(in StepReading step)
    {
        _loss.Record(step.Loss);
        _learningRate.Record(step.LearningRate);
        _gradientNorm.Record(step.GradientNorm);
        _epoch.Record(step.Epoch);
        _progress.Record(step.Progress);
        _stepDuration.Record(step.Seconds);
        _dataWait.Record(step.WaitSeconds);
        _steps.Add(1);
        _images.Add(step.Images);
    }

    /// <summary>Where the time of a step went; nothing that follows it has been timed yet.</summary>
    public void Parts(StepTimes times)
    {
        if (!_partDuration.Enabled)
        {
            return;
        }

        foreach (var (part, tag) in _parts)
        {
            _partDuration.Record(times[part], tag);
        }
    }

    /// <summary>A step was left out.</summary>
    public void Skipped() => _skipped.Add(1);

    /// <summary>The loss jumped.</summary>
    public void Spiked() => _spikes.Add(1);

    /// <summary>Training stood still for a checkpoint.</summary>
    public void CheckpointStall(double seconds) => _checkpointStall.Record(seconds);

    /// <summary>A checkpoint is on disk.</summary>
    public void Checkpoint(double seconds, long bytes)
    {
        _checkpointDuration.Record(seconds);
        _checkpointSize.Record(bytes);
    }

    /// <summary>A checkpoint could not be written and is tried again.</summary>
    public void CheckpointFailed() => _checkpointFailures.Add(1);

    /// <summary>What the embedding space looks like, and what else the method has to tell.</summary>
    public void Embeddings(IReadOnlyDictionary<string, double> space, IReadOnlyDictionary<string, double> facts) => _embeddings.Record(space, facts);

    /// <summary>Whether the run's looks at its embeddings show a collapse.</summary>
    public void Collapsed(bool isCollapsed) => _embeddings.Collapsed(isCollapsed);

    /// <summary>The backbone was judged.</summary>
    public void Evaluation(IReadOnlyDictionary<string, double> values, double seconds)
    {
        _evaluationDuration.Record(seconds);
        foreach (var (name, value) in values)
        {
            _accuracy.Record(value, new KeyValuePair<string, object?>("selfsup.evaluator", name));
        }
    }
}
