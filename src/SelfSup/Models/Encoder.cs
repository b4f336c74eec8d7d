using SelfSup.Checkpoints;
using SelfSup.Optimization;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>A backbone and a projection head: images in, unit-length embeddings out.</summary>
internal sealed class Encoder : nn.Module, IStateful
{
    private readonly nn.Module<Tensor, Tensor> _backbone;
    private readonly nn.Module<Tensor, Tensor> _head;

    /// <summary>Puts the two together and flattens their parameters. Both must be on their device already.</summary>
    /// <param name="backbone">Images to features.</param>
    /// <param name="head">Features to projections.</param>
    /// <param name="channelsLast">How filters lie in memory.</param>
    public Encoder(nn.Module<Tensor, Tensor> backbone, nn.Module<Tensor, Tensor> head, bool channelsLast = false)
        : base(nameof(Encoder))
    {
        (_backbone, _head) = (backbone, head);
        register_module("backbone", backbone);
        register_module("head", head);
        Parameters = new FlatParameters(this, channelsLast);
    }

    /// <summary>All values and gradients of both, flat.</summary>
    public FlatParameters Parameters { get; }

    /// <summary>The backbone, what evaluation and export use.</summary>
    public nn.Module<Tensor, Tensor> Backbone => _backbone;

    /// <summary>Builds the encoder of a recipe.</summary>
    /// <param name="options">The <c>encoder</c> section, validated.</param>
    /// <param name="seed">Initial weights are a function of it.</param>
    /// <param name="compute">Where the weights live, and how.</param>
    public static Encoder Create(EncoderOptions options, ulong seed, Compute compute)
    {
        // Initialisation is the one place that draws from the default generator, so it is seeded right here.
        _ = random.manual_seed(unchecked((long)seed));
        var (backbone, features) = NewBackbone(options, compute.RecomputesActivations);
        var head = new ProjectionHead(options.Head, features);
        return new Encoder(backbone.to(compute.Device), head.to(compute.Device), compute.ChannelsLast);
    }

    /// <summary>Backbone features, what evaluation and export use.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, F]; float32 also where the network computes in bfloat16.</returns>
    public Tensor Features(Tensor images) => _backbone.call(images);

    /// <summary>Unit-length embeddings, what losses and negative stores use. No other code normalises.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, D].</returns>
    public Tensor Embed(Tensor images)
    {
        using var scope = NewDisposeScope();
        return nn.functional.normalize(Full(_head.call(Features(images))), dim: 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("parameters", Parameters);
        foreach (var (name, buffer) in named_buffers())
        {
            archive.Tensor(name, buffer);
        }
    }

    private static (nn.Module<Tensor, Tensor> Backbone, long Features) NewBackbone(EncoderOptions options, bool recompute)
    {
        if (options.Vit is { } vit)
        {
            var transformer = new VisionTransformer(VisionTransformerArchitecture.Find(options.Backbone, vit), vit, recompute);
            return (transformer, transformer.FeatureWidth);
        }

        var network = new ResNet(
            ResNetArchitecture.Find(options.Backbone, options.Width),
            options.ActualStem,
            options.ZeroInitResidual,
            options.Norm,
            recompute);
        return (network, network.FeatureWidth);
    }

    private static Tensor Full(Tensor tensor) => tensor.dtype == ScalarType.BFloat16 ? tensor.to(float32) : tensor;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Parameters.Dispose();
        }

        base.Dispose(disposing);
    }
}
