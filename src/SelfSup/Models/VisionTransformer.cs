using SelfSup.Errors;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Vision transformers (Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929) with timm's parameter names and shapes,
/// without the classifier: images in, features out. The class token and learned positions have more than one dimension, so
/// weight decay applies to them, as in the code of MoCo v3 and DINO.
/// </summary>
internal sealed class VisionTransformer : FreezableModule, IStaged
{
    private const string ClassTokenName = "cls_token";
    private const string PositionsName = "pos_embed";
    private const double Deviation = 0.02;
    private readonly VisionTransformerOptions _options;
    private readonly nn.Module<Tensor, Tensor> _patches;
    private readonly TransformerBlock[] _blocks;
    private readonly LayerNorm _norm;
    private readonly bool _recompute;

    /// <param name="architecture">Width, depth and heads.</param>
    /// <param name="options">Patches, positions and what is made of the last layer.</param>
    /// <param name="recompute">Whether activations of the blocks are made anew for the way back instead of kept.</param>
    public VisionTransformer(
        VisionTransformerArchitecture architecture, VisionTransformerOptions options, bool recompute = false)
        : base(nameof(VisionTransformer))
    {
        (_options, _recompute, FeatureWidth) = (options, recompute, architecture.Width);
        var fixedPositions = options.Positions == PositionKind.SinCos;
        using var scope = NewDisposeScope();
        Register(ClassTokenName, empty(1, 1, FeatureWidth).normal_(0, 1e-6), trains: true);
        var positions = fixedPositions
            ? PositionGrid.SinCos(Side, FeatureWidth)
            : empty(1, 1 + (Side * Side), FeatureWidth).normal_(0, Deviation);
        Register(PositionsName, positions, trains: !fixedPositions);

        _patches = nn.Sequential(("proj", new PatchProjection(
            options.PatchSize, FeatureWidth, options.FreezePatchProjection, glorot: fixedPositions)));
        register_module("patch_embed", _patches);
        _blocks = [.. Enumerable.Range(0, architecture.Depth).Select(_ => new TransformerBlock(FeatureWidth, architecture.Heads))];
        register_module("blocks", nn.Sequential(_blocks.Select(block => (nn.Module<Tensor, Tensor>)block)));
        _norm = nn.LayerNorm(FeatureWidth, TransformerBlock.Epsilon);
        register_module("norm", _norm);
        Initialise(glorot: fixedPositions);
    }

    /// <summary>F, the width of the features.</summary>
    public long FeatureWidth { get; }

    /// <summary>The last normalisation is of the last block's stage.</summary>
    public IReadOnlyList<BackboneStage> Stages =>
    [
        new("patches", ClassTokenName, PositionsName, "patch_embed"),
        .. _blocks.Select((_, i) => $"blocks.{i}").Select((name, i) => new BackboneStage(name, i + 1 == _blocks.Length ? [name, "norm"] : [name])),
    ];

    /// <summary>Patches to tokens.</summary>
    public PatchProjection Patches => (PatchProjection)_patches.children().Single();

    /// <summary>The blocks in the order in which they are used.</summary>
    public IReadOnlyList<TransformerBlock> Blocks => _blocks;

    /// <summary>The last normalisation.</summary>
    public LayerNorm Norm => _norm;

    /// <summary>What of the last layer is the feature.</summary>
    public TokenPool Pool => _options.Pool;

    /// <summary>G, patches in a row and in a column of the images that positions are made for.</summary>
    private long Side => _options.ImageSize / _options.PatchSize;

    /// <summary>Images to features: [N, 3, H, W] to [N, F], the class token or the mean of the patches' tokens.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Tokens(input);
        foreach (var block in _blocks)
        {
            x = StageMark.At(block, x);
            x = _recompute && is_grad_enabled() ? Recomputed.Call(block, x) : block.call(x);
        }

        // Tokens are normalised one by one: those that nobody looks at need not be.
        x = _options.Pool == TokenPool.Token
            ? _norm.call(x.select(1, 0))
            : _norm.call(x.narrow(1, 1, x.shape[1] - 1)).mean([1]);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The class token with its position, [1, 1, D], and the positions of the patches of an image, [1, T - 1, D].</summary>
    /// <exception cref="RecipeException">Patches do not fill such an image.</exception>
    public (Tensor First, Tensor Patches) Positions(long height, long width)
    {
        long size = _options.PatchSize;
        if (height % size != 0 || width % size != 0)
        {
            throw new RecipeException(
                $"encoder.vit.patchSize: must divide the sides of images, is {size} for images of {height} x {width} pixels; " +
                "change it or the size of the views");
        }

        var positions = Value(PositionsName);
        var grid = positions.narrow(1, 1, positions.shape[1] - 1);
        return (Value(ClassTokenName) + positions.narrow(1, 0, 1), PositionGrid.For(grid, Side, height / size, width / size));
    }

    /// <summary>The class token and those of the patches, each with its position: [N, 3, H, W] to [N, T, D].</summary>
    private Tensor Tokens(Tensor input)
    {
        var (first, positions) = Positions(input.shape[2], input.shape[3]);
        var patches = _patches.call(input).flatten(2).transpose(1, 2) + positions;
        return cat([first.expand(input.shape[0], 1, FeatureWidth), patches], dim: 1);
    }

    /// <summary>
    /// timm's: weights from N(0, 0.02^2), biases zero (timm cuts it off at 2, a hundred deviations away, which is to say
    /// nowhere). With sine-cosine positions MoCo v3's: Glorot and Bengio's uniform distribution, in which queries, keys and
    /// values are three matrices.
    /// </summary>
    private void Initialise(bool glorot)
    {
        using var _ = no_grad();
        foreach (var (name, module) in named_modules())
        {
            if (module is Linear linear)
            {
                var (outputs, inputs) = (linear.weight!.shape[0], linear.weight.shape[1]);
                var bound = Math.Sqrt(6.0 / (inputs + (name.EndsWith("qkv", StringComparison.Ordinal) ? outputs / 3 : outputs)));
                if (glorot)
                {
                    linear.weight.uniform_(-bound, bound);
                }
                else
                {
                    linear.weight.normal_(0, Deviation);
                }

                linear.bias!.zero_();
            }
            else if (module is LayerNorm norm)
            {
                norm.weight!.fill_(1);
                norm.bias!.zero_();
            }
        }
    }
}
