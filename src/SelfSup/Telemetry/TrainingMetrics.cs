using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SelfSup.Telemetry;

/// <summary>Every instrument of a run, created once. Names follow OpenTelemetry's conventions; units are in the metadata.</summary>
internal sealed class TrainingMetrics
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string SourceName = "SelfSup.Training";

    private readonly Gauge<double> _loss;
    private readonly Gauge<double> _learningRate;
    private readonly Gauge<double> _gradientNorm;
    private readonly Histogram<double> _stepDuration;
    private readonly Histogram<double> _dataWait;
    private readonly Counter<long> _images;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _spikes;
    private readonly Histogram<double> _checkpointDuration;
    private readonly Histogram<double> _checkpointStall;
    private readonly Histogram<long> _checkpointSize;
    private readonly Gauge<double> _accuracy;
    private readonly Gauge<double> _embeddings;
    private readonly Gauge<double> _method;

    public TrainingMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(SourceName);
        _loss = meter.CreateGauge<double>("selfsup.training.loss", "1", "Mean loss of the step");
        _learningRate = meter.CreateGauge<double>("selfsup.training.learning_rate", "1", "Learning rate of the step");
        _gradientNorm = meter.CreateGauge<double>("selfsup.training.gradient_norm", "1", "Euclidean norm of all gradients");
        _stepDuration = meter.CreateHistogram<double>("selfsup.training.step.duration", "s", "Time of a step, wait included");
        _dataWait = meter.CreateHistogram<double>("selfsup.data.wait.duration", "s", "Time a step waited for its batch");
        _images = meter.CreateCounter<long>("selfsup.training.images", "{image}", "Images trained on");
        _skipped = meter.CreateCounter<long>(
            "selfsup.training.steps.skipped", "{step}", "Steps left out because loss or gradient was no number");
        _spikes = meter.CreateCounter<long>("selfsup.training.loss.spikes", "{spike}", "Jumps of the loss");
        _checkpointDuration = meter.CreateHistogram<double>("selfsup.checkpoint.duration", "s", "Time to write a checkpoint");
        _checkpointStall = meter.CreateHistogram<double>("selfsup.checkpoint.stall.duration", "s", "Time that training stood still for a checkpoint");
        _checkpointSize = meter.CreateHistogram<long>("selfsup.checkpoint.size", "By", "Size of a checkpoint");
        _accuracy = meter.CreateGauge<double>("selfsup.evaluation.accuracy", "1", "Share of test images classified right");
        _embeddings = meter.CreateGauge<double>("selfsup.embeddings", "1", "What the embedding space looks like, by measure");
        _method = meter.CreateGauge<double>("selfsup.method", "1", "What a method tells beside its loss, by fact");
    }

    /// <summary>Spans of runs, epochs, checkpoints and evaluations.</summary>
    public static ActivitySource Activities { get; } = new(SourceName);

    public void Step(double loss, double learningRate, double gradientNorm, double seconds, double waitSeconds, int images)
    {
        _loss.Record(loss);
        _learningRate.Record(learningRate);
        _gradientNorm.Record(gradientNorm);
        _stepDuration.Record(seconds);
        _dataWait.Record(waitSeconds);
        _images.Add(images);
    }

    /// <summary>A step was left out.</summary>
    public void Skipped() => _skipped.Add(1);

    /// <summary>The loss jumped.</summary>
    public void Spiked() => _spikes.Add(1);

    public void CheckpointStall(double seconds) => _checkpointStall.Record(seconds);

    public void Checkpoint(double seconds, long bytes)
    {
        _checkpointDuration.Record(seconds);
        _checkpointSize.Record(bytes);
    }

    /// <summary>What the embedding space looks like, and what else the method has to tell.</summary>
    public void Embeddings(IReadOnlyDictionary<string, double> space, IReadOnlyDictionary<string, double> facts)
    {
        foreach (var (name, value) in space)
        {
            _embeddings.Record(value, new KeyValuePair<string, object?>("selfsup.measure", name));
        }

        foreach (var (name, value) in facts)
        {
            _method.Record(value, new KeyValuePair<string, object?>("selfsup.fact", name));
        }
    }

    public void Evaluation(string evaluator, double accuracy) =>
        _accuracy.Record(accuracy, new KeyValuePair<string, object?>("selfsup.evaluator", evaluator));
}
