using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>Judges encoders on labelled images: kNN and both protocols of the linear probe.</summary>
internal sealed class BackboneJudge : IDisposable
{
    private readonly Recipe _recipe;
    private readonly RecipeReader _reader;
    private readonly Compute _compute;
    private readonly LabelledImages _train;
    private readonly LabelledImages _test;
    private readonly FeatureExtractor _extractor;

    /// <param name="recipe">The recipe of the backbone: how images are prepared for it.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="train">Labelled images to learn from.</param>
    /// <param name="test">Labelled images to be classified.</param>
    /// <param name="device">Where the encoders are.</param>
    /// <exception cref="Errors.DataException">The images cannot be read or have no labels.</exception>
    public BackboneJudge(
        Recipe recipe, RecipeReader reader, ImageSourceOptions train, ImageSourceOptions test, Device device)
    {
        (_recipe, _reader) = (recipe, reader);
        _compute = Devices.ForEvaluation(device, recipe.Evaluation.Precision);
        _train = new LabelledImages(ImageSources.Open(train), train, "--train");
        _test = new LabelledImages(ImageSources.Open(test), test, "--test");
        _extractor = new FeatureExtractor(
            Pipelines.Evaluation(recipe, reader), recipe.Evaluation.BatchSize, recipe.Data!.WorkersBeside(device), _compute);
    }

    /// <summary>Images to learn from.</summary>
    public int TrainCount => _train.Images.Count;

    /// <summary>Images to be classified.</summary>
    public int TestCount => _test.Images.Count;

    /// <summary>Images of either side that were left out because they could not be read.</summary>
    public IReadOnlyList<UnreadableImage> Unreadable => [.. _train.Unreadable.Snapshot(), .. _test.Unreadable.Snapshot()];

    /// <summary>Weighted nearest neighbours.</summary>
    public ClassificationReport Knn(Encoder encoder, KnnOptions options, CancellationToken cancellationToken)
    {
        using var train = _extractor.Extract(encoder, _train, cancellationToken);
        using var test = _extractor.Extract(encoder, _test, cancellationToken);
        return new KnnClassifier(options).Evaluate(train, test, cancellationToken: cancellationToken);
    }

    /// <summary>Logistic regression on the features of the one view that is judged.</summary>
    public ClassificationReport LinearProbe(Encoder encoder, LbfgsProbeOptions options, CancellationToken cancellationToken)
    {
        using var train = _extractor.Extract(encoder, _train, cancellationToken);
        using var test = _extractor.Extract(encoder, _test, cancellationToken);
        return new LbfgsProbe(options).Evaluate(train, test).Report;
    }

    /// <summary>
    /// The protocol of MoCo and SimCLR: softmax regression by SGD on the features of ever new crops and flips of the
    /// training images, judged on the one view.
    /// </summary>
    public ClassificationReport LinearProbe(
        Encoder encoder, LinearProbeSgdOptions options, CancellationToken cancellationToken)
    {
        // The features of the fixed view tell beforehand whether labels and classes fit; they cost one pass of many.
        using var train = _extractor.Extract(encoder, _train, cancellationToken);
        using var test = _extractor.Extract(encoder, _test, cancellationToken);
        var split = new LabelledSplit(train, test);
        var images = _train.Images;
        var plan = new ShuffledBatches(_recipe.Run.Seed, images, Math.Min(options.BatchSize, images.Count), images.WindowBlocks);
        using var loader = new ViewLoader(
            images,
            plan,
            [ProbeView()],
            new ViewLoaderOptions
            {
                Seed = _recipe.Run.Seed,
                Workers = _recipe.Data!.WorkersBeside(_compute.Device),
                OnUnreadable = _train.Options.OnUnreadable,
                MaxPixels = _train.Options.MaxPixels,
                Decoder = _train.Options.Decoder,
                Cache = _train.Cache,
                Format = _compute.Views,
                PinnedMemory = _compute.IsCuda,
            },
            _train.Unreadable);
        var schedule = options.CreateSchedule(plan.StepsPerEpoch);
        using var probe = new LinearProbeSgd(options, test.Features.shape[1], split.ClassNames.Count);
        foreach (var batch in loader.From(0, options.Epochs * plan.StepsPerEpoch, cancellationToken))
        {
            using var scope = NewDisposeScope();
            using (batch)
            {
                _ = probe.Step(FeatureExtractor.Forward(encoder, batch.Views[0], _compute), batch.Labels, schedule.At(batch.Step));
            }
        }

        return probe.Classifier.Evaluate(split);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _train.Images.Dispose();
        _test.Images.Dispose();
    }

    /// <summary>Random resized crop and flip, at the size and with the normalisation of the training views.</summary>
    private ViewPipeline ProbeView()
    {
        var first = _recipe.Views!.Of(0);
        var size = Pipelines.Create(first, _reader).OutputSize!.Value;
        return Pipelines.Create(
            [
                new Choice("randomResizedCrop", new RandomResizedCropOptions { Size = size }),
                new Choice("horizontalFlip", new HorizontalFlipOptions()),
                .. first.Where(step => step.Name == "normalize"),
            ],
            _reader);
    }
}
