using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Classification by softmax cross-entropy over a linear map of the backbone's features, as pretrained networks are fine-tuned and
/// networks without pretraining are trained (Kornblith et al. 2019, https://arxiv.org/abs/1805.08974). Labels may be smoothed
/// (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7) and images mixed (Zhang et al. 2018). The projection head is
/// not used but for the layers that stay on the backbone, and is left as it is.
/// </summary>
[Named("classification")]
[Paper("Kornblith et al. 2019, do better ImageNet models transfer better?", "https://arxiv.org/abs/1805.08974")]
[Views(1)]
internal sealed class Classification(ClassificationOptions options, MethodContext context) : Method(context, Parts(options, context))
{
    private const string Part = "classifier";

    private readonly Mixup _mixup = new(options.Mixup, context.Seed);

    /// <inheritdoc/>
    public override int Views => 1;

    /// <inheritdoc/>
    public override bool NeedsLabels => true;

    /// <inheritdoc/>
    public override double LeastEffectiveRank => Context.Classes == 2 ? 0 : base.LeastEffectiveRank;

    /// <summary>The linear map of features to a logit a class; or null where an encoder has none.</summary>
    public static Linear? Classifier(Encoder encoder) => encoder.HasPart(Part) ? encoder.Part<Linear>(Part) : null;

    /// <summary>One logit a class of the training images, without a graph.</summary>
    /// <param name="encoder">An encoder that has the classifier.</param>
    /// <param name="features">[N, F].</param>
    /// <returns>[N, K]; or null where the encoder has none.</returns>
    public static Tensor? Logits(Encoder encoder, Tensor features)
    {
        if (Classifier(encoder) is not { } classifier)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return classifier.call(features.to(classifier.weight!.device)).cpu().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override double RateOf(string parameter) =>
        parameter.StartsWith(Part + '.', StringComparison.Ordinal) ? options.ClassifierRate : Encoder.IsOfBackbone(parameter) ? 1 : 0;

    /// <inheritdoc/>
    public override ViewBatch Prepare(ViewBatch batch) => _mixup.IsOn ? _mixup.Apply(batch) : batch;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [encoder.Features(batch.Views[0])]; // [N, F]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var logits = Encoder.Part<Linear>(Part).call(embeddings.Learned[0]); // [N, K]
        var losses = CrossEntropy(logits, batch.Labels);
        if (!_mixup.IsOn)
        {
            return losses.mean();
        }

        var shares = _mixup.Shares(batch).to(losses.dtype, losses.device);
        return ((shares * losses) + ((1 - shares) * CrossEntropy(logits, Mixup.Partners(batch.Labels)))).mean();
    }

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) =>
        (embeddings.Learned[0], OneView.Neighbours(embeddings.Learned[0], batch.Labels));

    /// <inheritdoc/>
    public override Tensor ClassesOf(ViewBatch batch) => batch.Labels;

    /// <summary>How many of the batch are classified rightly now, of all ranks; mixed images count by the larger share.</summary>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var labels = batch.Labels;
        if (_mixup.IsOn)
        {
            labels = where((_mixup.Shares(batch) >= 0.5).to(labels.device), labels, Mixup.Partners(labels));
        }

        var right = Encoder.Part<Linear>(Part).call(embeddings.Learned[0]).argmax(1) == labels;
        var share = right.to(float64).mean().cpu().reshape(1);
        Context.Communicator.AllReduceMean(share);
        return [("batchAccuracy", share.item<double>())];
    }

    // Options come first in a constructor, and parts are made before it.
    private static EncoderParts Parts(ClassificationOptions options, MethodContext context)
    {
        var rows = context.GlobalBatchSize / context.Communicator.Ranks;
        if (options.Mixup > 0 && context.Communicator.Ranks > 1 && rows % 2 == 1)
        {
            throw new RecipeException(
                $"method.mixup: blends two images of a rank, of which each has {rows} in a batch, must be an even number; change "
                + "training.globalBatchSize or the number of ranks");
        }

        return Parts(context);
    }

    private static EncoderParts Parts(MethodContext context) => context.Classes > 1
        ? widths => [(Part, nn.Linear(widths.Judged, context.Classes))]
        : context.Classes == 0
        ? throw new DataException("method: classification learns from labels, the training images have none; name labelled images or another method")
        : throw new RecipeException(
            $"method: classification is among two classes at least, the training images are of {context.Classes}; name labelled images");

    private Tensor CrossEntropy(Tensor logits, Tensor labels) => nn.functional.cross_entropy(
        logits, labels, reduction: nn.Reduction.None, label_smoothing: options.LabelSmoothing);
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class ClassificationOptions
{
    /// <summary>The share of a label that is spread over all classes.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double LabelSmoothing { get; set; }

    /// <summary>Alpha of mixup: images are blended by shares from Beta(alpha, alpha); 0 leaves them as they are.</summary>
    [Range(0.0, 4.0)]
    public double Mixup { get; set; }

    /// <summary>What the learning rate is multiplied with for the classifier, which begins from nothing.</summary>
    [Range(0.0, 1e6, MinimumIsExclusive = true)]
    public double ClassifierRate { get; set; } = 1;
}
