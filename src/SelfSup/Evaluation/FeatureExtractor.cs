using SelfSup.Augmentation;
using SelfSup.Models;
using SelfSup.Telemetry;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Turns labelled images into features, once for every evaluator.</summary>
/// <param name="view">How an image becomes the one view that is judged; not random.</param>
/// <param name="batchSize">Images in a forward pass.</param>
/// <param name="workers">Threads that read and decode.</param>
/// <param name="compute">How the encoder computes.</param>
/// <param name="heartbeat">Told of every batch, or null.</param>
internal sealed class FeatureExtractor(
    ViewPipeline view, int batchSize, int workers, Compute compute, Heartbeat? heartbeat = null)
{
    /// <summary>What an encoder makes of every image, in the order of the source; unreadable ones left out if allowed.</summary>
    /// <param name="encoder">It is used in evaluation mode and handed back in the mode it had.</param>
    /// <param name="images">The images.</param>
    /// <param name="cancellationToken">Ends the work between two batches.</param>
    /// <param name="of">Features of the backbone, or embeddings.</param>
    /// <param name="seen">Told after every batch of how many images there are features, or null.</param>
    public FeatureSet Extract(
        Encoder encoder,
        LabelledImages images,
        CancellationToken cancellationToken,
        Representation of = Representation.Features,
        Action<int>? seen = null)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        var labels = new List<long>();
        var samples = new List<long>();
        using var loader = new ViewLoader(
            images.Images,
            new SequentialBatches(images.Images.Count, batchSize),
            [view],
            new ViewLoaderOptions
            {
                Workers = workers,
                OnUnreadable = images.Options.OnUnreadable,
                MaxPixels = images.Options.MaxPixels,
                Decoder = images.Options.Decoder,
                Cache = images.Cache,
                Format = compute.Views,
                PinnedMemory = compute.IsCuda,
            },
            images.Unreadable);
        foreach (var batch in loader.Pass(cancellationToken))
        {
            using (batch)
            {
                features.Add(Forward(encoder, batch.Views[0], compute, of));
                labels.AddRange(batch.Labels.data<long>().ToArray());
                samples.AddRange(batch.Samples.data<long>().ToArray());
            }

            heartbeat?.Beat("judging the encoder: features");
            seen?.Invoke(samples.Count);
        }

        var all = features.Count == 0 ? zeros(0, 1) : cat(features);
        return new FeatureSet(images.Options.Path, all, labels, images.HasLabels ? images.Images.ClassNames : null, samples);
    }

    /// <summary>Features [N, F], or embeddings [N, D], of a batch on the CPU, without a graph and with BatchNorm's running statistics.</summary>
    public static Tensor Forward(Encoder encoder, Tensor views, Compute compute, Representation of = Representation.Features)
    {
        var training = encoder.training;
        encoder.eval();
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var precision = compute.Enter();
            var images = views.to(compute.Device);
            return (of == Representation.Features ? encoder.Features(images) : encoder.Embed(images)).cpu().MoveToOuterDisposeScope();
        }
        finally
        {
            encoder.train(training);
        }
    }
}
