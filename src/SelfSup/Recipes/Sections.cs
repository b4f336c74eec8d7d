using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Datasets;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Tensors;
using SelfSup.Training;

namespace SelfSup.Recipes;

/// <summary>The <c>run</c> section.</summary>
internal sealed class RunOptions
{
    /// <summary>The run's directory is <c>runs/NAME</c>; by default the recipe's file name.</summary>
    [DoesNotChangeTraining]
    [RegularExpression("[A-Za-z0-9._-]+", ErrorMessage = "must consist of letters, digits, '.', '_' and '-'")]
    public string? Name { get; set; }

    /// <summary>Initial weights, order and augmentation are functions of it.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>
    /// CPU threads of the network; by default one per core. Bits depend on the number: exact resume asks for the same.
    /// </summary>
    [DoesNotChangeTraining]
    [Range(1, 1024)]
    public int? Threads { get; set; }

    /// <summary>
    /// Parts of the batch that are in the network at the same time, each on its share of the threads; on a CPU of many cores
    /// several small ones can be faster than one large one. The result is that of the whole batch up to rounding.
    /// </summary>
    [Range(1, 1024)]
    public int Replicas { get; set; } = 1;

    /// <summary>
    /// The run is thought to hang when nothing of it has moved for so many minutes: no part of a step, no batch of an evaluation,
    /// no checkpoint. 0 for never.
    /// </summary>
    [DoesNotChangeTraining]
    [Range(0.0, 100_000.0)]
    public double HangMinutes { get; set; } = 30;

    /// <summary>
    /// What to do when the run hangs: report it, with the stacks of all threads, or stop as well, with exit code 5, so that
    /// <c>--restarts</c> or a batch system can start the run again.
    /// </summary>
    [DoesNotChangeTraining]
    public OnHang OnHang { get; set; } = OnHang.Report;

    /// <summary>Both together.</summary>
    internal HangOptions Hang => new(TimeSpan.FromMinutes(HangMinutes), OnHang);
}

/// <summary>The <c>data</c> section: the images to train on, and how they are read.</summary>
internal sealed class DataOptions : ImageSourceOptions
{
    /// <summary>Pairs or triplets of the images, for a method that learns from them in place of labels.</summary>
    public PairListOptions? Pairs { get; set; }

    /// <summary>Numbers that belong to the images, for losses that compare them.</summary>
    public ValueListOptions? Values { get; set; }

    /// <summary>
    /// Whether a JPEG of which all views show at least 2, 4 or 8 times as many pixels a side as they have is decoded at 1/2,
    /// 1/4 or 1/8 of its size. It saves a few percent for images of several megapixels; views differ slightly.
    /// </summary>
    public bool ScaleJpeg { get; set; }

    /// <summary>Threads that read, decode and augment; by default all cores but those that train, at least one.</summary>
    [DoesNotChangeTraining]
    [Range(1, 1024)]
    public int? Workers { get; set; }

    /// <summary>Batches in memory: the one that is trained on and those that are prepared ahead.</summary>
    [DoesNotChangeTraining]
    [Range(2, 64)]
    public int Prefetch { get; set; } = 3;

    /// <inheritdoc/>
    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var violation in base.Validate(validationContext))
        {
            yield return violation;
        }

        if (ScaleJpeg && Decoder is ImageLibrary.ImageSharp)
        {
            yield return new ValidationResult(
                "has no effect where decoder is imageSharp, which decodes whole images; leave out one of the two", [nameof(ScaleJpeg)]);
        }
    }

    /// <summary>
    /// The threads that are used beside training on a device: a GPU leaves all cores but the one that drives it, a CPU
    /// those that libtorch does not compute with.
    /// </summary>
    /// <param name="device">What trains.</param>
    /// <param name="cores">Cores of this process; null for all of the machine.</param>
    internal int WorkersBeside(TorchSharp.torch.Device device, int? cores = null)
    {
        var training = device.type == TorchSharp.DeviceType.CPU ? TorchSharp.torch.get_num_threads() : 1;
        return Workers ?? Math.Max(1, (cores ?? Environment.ProcessorCount) - training);
    }
}

/// <summary>The <c>checkpoint</c> section.</summary>
internal sealed class CheckpointOptions
{
    /// <summary>A checkpoint is written at the end of every so many epochs.</summary>
    [Range(1, int.MaxValue)]
    public int EveryEpochs { get; set; } = 1;

    /// <summary>And every so many steps; by default at ends of epochs only.</summary>
    [Range(1L, long.MaxValue)]
    public long? EverySteps { get; set; }

    /// <summary>How many of the newest checkpoints are kept.</summary>
    [Range(1, int.MaxValue)]
    public int Keep { get; set; } = 3;

    /// <summary>And those of every so many epochs, for good.</summary>
    [Range(1, int.MaxValue)]
    public int? KeepEveryEpochs { get; set; }

    /// <summary>And those of every so many steps, for good.</summary>
    [Range(1L, long.MaxValue)]
    public long? KeepEverySteps { get; set; }

    /// <summary>And the best one by a measurement, by default by the first of evaluation.measures; by none, no more are kept.</summary>
    public BestBy? BestBy { get; set; }

    /// <summary>
    /// How many minutes a disk may fail: so long a checkpoint that cannot be written is tried again while training goes on. Then
    /// the run stops. 0 stops it at once.
    /// </summary>
    [Range(0.0, double.MaxValue)]
    public double RetryMinutes { get; set; } = 60;
}

/// <summary>What the best checkpoint is best by.</summary>
internal enum BestBy
{
    /// <summary>No checkpoint is kept for being the best.</summary>
    None,

    /// <summary>The accuracy of nearest neighbours.</summary>
    Knn,

    /// <summary>How often the right class is among the five best.</summary>
    KnnTop5,

    /// <summary>The lowest loss of a step.</summary>
    Loss,

    /// <summary>The accuracy of the classifier that is trained.</summary>
    Accuracy,

    /// <summary>How often the nearest embedding is of the same class.</summary>
    RecallAt1,

    /// <summary>The mean average precision at R.</summary>
    MapAtR,
}

/// <summary>The <c>evaluation</c> section: how the backbone is judged while it is trained and by the verbs.</summary>
internal sealed class EvaluationOptions
{
    /// <summary>
    /// Judged at the end of every so many epochs, and always untrained and at the end; 0 for only these two.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int EveryEpochs { get; set; } = 10;

    /// <summary>Labelled images whose features are the reference; by default the images of <c>data</c>.</summary>
    public ImageSourceOptions? Train { get; set; }

    /// <summary>Labelled images that are classified. Without it nothing is judged during training.</summary>
    public ImageSourceOptions? Test { get; set; }

    /// <summary>
    /// How an image becomes the one view that is judged; by default its short side is resized to the size of the
    /// training views, the middle cut out, and normalised as they are.
    /// </summary>
    [ChosenFrom(typeof(IAugmentation))]
    public List<Choice>? View { get; set; }

    /// <summary>Images per forward pass.</summary>
    [Range(1, int.MaxValue)]
    public int BatchSize { get; set; } = 256;

    /// <summary>What features are computed in: as training.precision or, by default, float32.</summary>
    public Precision Precision { get; set; } = Precision.Float32;

    /// <summary>
    /// By what it is judged during training: knn, of the backbone's features, which is the default; accuracy, of the classifier
    /// that method classification trains; retrieval, of the head's embeddings among the test images.
    /// </summary>
    public MeasureKind[]? Measures { get; set; }

    /// <summary>Those that are taken.</summary>
    internal MeasureKind[] ActualMeasures => Measures is { Length: > 0 } ? Measures : [MeasureKind.Knn];

    /// <summary>The weighted nearest-neighbour classifier.</summary>
    public KnnOptions Knn { get; set; } = new();
}

/// <summary>By what a run is judged.</summary>
internal enum MeasureKind
{
    /// <summary>Weighted nearest neighbours.</summary>
    Knn,

    /// <summary>The classifier that is trained.</summary>
    Accuracy,

    /// <summary>Recall and mean average precision among the test images.</summary>
    Retrieval,
}

/// <summary>The <c>telemetry</c> section.</summary>
internal sealed class TelemetryOptions
{
    /// <summary>A line goes into metrics.jsonl every so many steps.</summary>
    [Range(1, int.MaxValue)]
    public int EverySteps { get; set; } = 1;

    /// <summary>
    /// What the embedding space looks like is measured after the first step and then after every so many; up to 1,024 images
    /// of the batch are looked at.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int EmbeddingsEverySteps { get; set; } = 10;

    /// <summary>Files for TensorBoard in <c>RUN/tensorboard</c>; none where it is left out.</summary>
    public TensorBoardOptions? TensorBoard { get; set; }

    /// <summary>A collector that metrics, spans and logs are sent to; none by default. OpenTelemetry's variables come before it.</summary>
    public OtlpOptions? Otlp { get; set; }

    /// <summary>Where Prometheus reads metrics; nowhere by default. OpenTelemetry's variables come before it.</summary>
    public PrometheusOptions? Prometheus { get; set; }
}
