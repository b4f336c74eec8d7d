using System.ComponentModel.DataAnnotations;

using SelfSup.Checkpoints;
using SelfSup.Optimization;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>How the learning rate of <see cref="LinearProbeSgd"/> falls.</summary>
internal enum LinearProbeSchedule
{
    /// <summary>By a factor at milestones.</summary>
    Step,

    /// <summary>Along half a cosine to 0.</summary>
    Cosine,
}

/// <summary>
/// Settings of <see cref="LinearProbeSgd"/>. The defaults are MoCo's protocol for ImageNet (He et al. 2020, section
/// 4.1). SimCLR's (Chen et al. 2020, appendix B.6) is <c>{ epochs: 90, batchSize: 4096, learningRate: 1.6, nesterov:
/// true, schedule: cosine }</c>, a rate of 0.1 per 256 images. In both the images are random resized crops, flipped
/// at random.
/// </summary>
internal sealed class LinearProbeSgdOptions : IValidatableObject
{
    /// <summary>Passes over the training images.</summary>
    [Range(1, int.MaxValue)]
    public int Epochs { get; set; } = 100;

    /// <summary>Images in a step.</summary>
    [Range(1, int.MaxValue)]
    public int BatchSize { get; set; } = 256;

    /// <summary>The rate at the start. MoCo's features are small, hence the size of the default.</summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double LearningRate { get; set; } = 30;

    /// <summary>How much of the last step's velocity is kept.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; set; } = 0.9;

    /// <summary>Looks ahead along the velocity.</summary>
    public bool Nesterov { get; set; }

    /// <summary>Weight of the L2 penalty.</summary>
    [Range(0.0, double.MaxValue)]
    public double WeightDecay { get; set; }

    /// <summary>How the rate falls.</summary>
    public LinearProbeSchedule Schedule { get; set; } = LinearProbeSchedule.Step;

    /// <summary>The epochs at which the rate falls under <see cref="LinearProbeSchedule.Step"/>.</summary>
    public double[] Milestones { get; set; } = [60, 80];

    /// <summary>What it is multiplied by there.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double Factor { get; set; } = 0.1;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Schedule == LinearProbeSchedule.Step &&
            (Milestones is not { Length: > 0 } ||
             Milestones.Zip(Milestones.Prepend(0)).Any(m => !(m.First > m.Second))))
        {
            yield return new("schedule: step needs milestones above 0 that rise", [nameof(Milestones)]);
        }

        if (Nesterov && Momentum == 0)
        {
            yield return new("nesterov needs a momentum above 0", [nameof(Nesterov)]);
        }
    }

    /// <summary>The learning rate of every step.</summary>
    internal ILearningRateSchedule CreateSchedule(long stepsPerEpoch)
    {
        var span = new ScheduleSpan(Epochs * stepsPerEpoch, stepsPerEpoch);
        return Schedule == LinearProbeSchedule.Cosine
            ? new CosineSchedule(new() { LearningRate = LearningRate }, span)
            : new StepSchedule(new() { LearningRate = LearningRate, Milestones = Milestones, Factor = Factor }, span);
    }
}

/// <summary>
/// The classifier of the linear protocol: softmax regression trained by SGD on the features of ever new views, which
/// the caller computes. Starts at zero, which for a convex problem is as good as anything.
/// </summary>
internal sealed class LinearProbeSgd : IStateful, IDisposable
{
    private readonly FlatParameters _parameters;
    private readonly Sgd _optimizer;

    /// <param name="options">Of these, what the update rule needs.</param>
    /// <param name="featureWidth">F.</param>
    /// <param name="classes">K.</param>
    /// <param name="device">Where the features will be; the CPU if null.</param>
    /// <param name="elementType">Of the features; float32 if null.</param>
    public LinearProbeSgd(
        LinearProbeSgdOptions options,
        long featureWidth,
        long classes,
        Device? device = null,
        ScalarType? elementType = null)
    {
        Classifier = new LinearClassifier(
            zeros(classes, featureWidth, elementType ?? float32, device ?? CPU),
            zeros(classes, elementType ?? float32, device ?? CPU));
        _parameters = new FlatParameters([("weight", Classifier.Weight), ("bias", Classifier.Bias)]);
        _optimizer = new Sgd(
            new() { Momentum = options.Momentum, Nesterov = options.Nesterov, WeightDecay = options.WeightDecay },
            _parameters);
    }

    /// <summary>The classifier as it is now; it changes with every step and ends with the probe.</summary>
    public LinearClassifier Classifier { get; }

    /// <summary>One step on a batch.</summary>
    /// <param name="features">[N, F], without a graph.</param>
    /// <param name="labels">[N], int64, from 0 to K - 1.</param>
    /// <param name="learningRate">From <see cref="LinearProbeSgdOptions.CreateSchedule"/>.</param>
    /// <returns>The mean cross-entropy before the step, a scalar tensor.</returns>
    public Tensor Step(Tensor features, Tensor labels, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var logits = Classifier.Logits(features); // [N, K]
        var targets = labels.unsqueeze(1); // [N, 1]
        var normalizer = logits.logsumexp(1, keepdim: true);
        var loss = (normalizer - logits.gather(1, targets)).mean();
        // d loss / d logits = (softmax - one hot) / N
        logits.sub_(normalizer).exp_().scatter_add_(1, targets, full_like(normalizer, -1)).div_(features.shape[0]);
        var weightLength = Classifier.Weight.numel();
        var gradients = _parameters.Gradients;
        gradients.narrow(0, 0, weightLength).view(Classifier.Weight.shape).addmm_(logits.t(), features, 0, 1);
        gradients.narrow(0, weightLength, Classifier.Bias.numel()).copy_(logits.sum(dim: 0));
        _optimizer.Step(learningRate);
        return loss.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("parameters", _parameters);
        archive.Part("optimizer", _optimizer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _optimizer.Dispose();
        _parameters.Dispose();
        Classifier.Dispose();
    }
}
