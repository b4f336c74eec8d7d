using SelfSup.Augmentation;
using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Search;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>What a trained backbone makes of images: all of a source as files of embeddings, or one to look up in such files.</summary>
/// <param name="backbone">The backbone; borrowed.</param>
/// <param name="reader">The catalogues.</param>
/// <param name="threads">CPU threads of all its copies together.</param>
internal sealed class BackboneEmbedder(TrainedBackbone backbone, RecipeReader reader, int threads)
{
    private readonly string _weights = backbone.Weights();

    /// <summary>Makes files of embeddings, or goes on with it.</summary>
    /// <param name="options">What is made.</param>
    /// <param name="devices">Where copies of the backbone compute; it is on the first itself.</param>
    /// <param name="progress">Told after each batch, and once before the first.</param>
    /// <param name="cancellationToken">Stops after the current batch.</param>
    /// <inheritdoc cref="EmbeddingMaker.Run"/>
    public PackReport Make(
        EmbedOptions options, IReadOnlyList<Device> devices, Action<PackProgress> progress, CancellationToken cancellationToken)
    {
        var copies = new List<EmbedDevice> { new(backbone.Encoder, backbone.Compute, Share(0, devices.Count)) };
        try
        {
            foreach (var device in devices.Skip(1))
            {
                var (encoder, compute) = backbone.Copy(device);
                copies.Add(new EmbedDevice(encoder, compute, Share(copies.Count, devices.Count)));
            }

            return new EmbeddingMaker(options, copies, Views(options.Views), backbone.Recipe.Run.Seed).Run(Network(), progress, cancellationToken);
        }
        finally
        {
            copies.Skip(1).ToList().ForEach(copy => copy.Encoder.Dispose());
        }
    }

    /// <summary>What the backbone makes of an image, as a file's embeddings were made.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="facts">What the file says of its embeddings.</param>
    /// <returns>[D].</returns>
    /// <exception cref="CheckpointException">It is not the network that made the file.</exception>
    /// <exception cref="DataException">The image cannot be read.</exception>
    public float[] Embed(string path, EmbeddingFacts facts)
    {
        RequireMaker(facts);
        using var source = Single(path);
        using var loader = new ViewLoader(
            source,
            new SequentialBatches(1, 1),
            Views(facts.Views),
            new ViewLoaderOptions
            {
                Seed = backbone.Recipe.Run.Seed,
                Workers = 1,
                MaxPixels = facts.MaxPixels,
                Decoder = backbone.Recipe.Data!.Decoder,
                Format = backbone.Compute.Views,
            },
            new UnreadableImages());
        using var embedder = new BatchEmbedder([new EmbedDevice(backbone.Encoder, backbone.Compute, threads)], facts.Of, facts.UnitLength);
        try
        {
            return embedder.Embed(loader.Pass(CancellationToken.None)).Single()!.Values;
        }
        catch (DataException e)
        {
            throw new DataException($"{SourceImage.WithoutRemedy(e.Message)}; look up another image", e);
        }
    }

    /// <summary>Fails where it is not the network that made a file.</summary>
    /// <exception cref="CheckpointException">It is not.</exception>
    private void RequireMaker(EmbeddingFacts facts)
    {
        if (_weights != facts.Network.Weights)
        {
            throw new CheckpointException(
                $"{backbone.Origin}: has other weights (sha256 {_weights[..12]}...) than the network that made the embeddings ({facts.Network.Weights[..Math.Min(12, facts.Network.Weights.Length)]}..., "
                + $"then at {facts.Network.Model}), must be the same one; name that by --model, or embed the images anew");
        }
    }

    /// <summary>An image file as a source of one image.</summary>
    /// <exception cref="DataException">There is no such file, or it is no image by its name.</exception>
    public static FolderSource Single(string path)
    {
        var file = Path.GetFullPath(path);
        if (!File.Exists(file))
        {
            throw new DataException($"{path}: there is no such file; check the path");
        }

        return EncodedImage.HasExtension(file)
            ? new FolderSource(Path.GetDirectoryName(file)!, [Path.GetFileName(file)])
            : throw new DataException($"{path}: must be an image by its name (.jpg, .png, .webp, .bmp, .gif); rename it");
    }

    private IReadOnlyList<ViewPipeline> Views(int count) => Pipelines.TestTime(backbone.Recipe, reader, count);

    private EmbeddingNetwork Network() => new(backbone.Card.Metadata(), _weights, Path.GetFullPath(backbone.Origin));

    private int Share(int copy, int copies) => backbone.Compute.IsCuda
        ? 1
        : Math.Max(1, ((copy + 1) * threads / copies) - (copy * threads / copies));
}
