using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Residual networks (He et al. 2016, https://arxiv.org/abs/1512.03385) with torchvision's parameter names, shapes and
/// initialisation, without the classifier: images in, features out.
/// </summary>
internal sealed class ResNet : nn.Module<Tensor, Tensor>, IStaged
{
    private readonly TorchSharp.Modules.Conv2d _conv1;
    private readonly nn.Module<Tensor, Tensor> _bn1;
    private readonly bool _pool;
    private readonly bool _recompute;
    private readonly nn.Module<Tensor, Tensor>[] _layers;

    /// <param name="architecture">Depth, widths and kind of blocks.</param>
    /// <param name="stem">7x7 convolution of stride 2 and pooling, or one 3x3 convolution for small images.</param>
    /// <param name="zeroInitResidual">Whether every block starts as the identity (Goyal et al. 2017, section 5.1).</param>
    /// <param name="norm">What normalises.</param>
    /// <param name="recompute">Whether activations of the stages are made anew for the way back instead of kept.</param>
    public ResNet(
        ResNetArchitecture architecture,
        Stem stem,
        bool zeroInitResidual = false,
        NormKind norm = NormKind.Batch,
        bool recompute = false)
        : base(nameof(ResNet))
    {
        var channels = architecture.Widths[0];
        _pool = stem == Stem.ImageNet;
        _recompute = recompute;
        _conv1 = stem == Stem.ImageNet
            ? nn.Conv2d(3, channels, 7, stride: 2, padding: 3, bias: false)
            : nn.Conv2d(3, channels, 3, stride: 1, padding: 1, bias: false);
        _bn1 = norm.Create(channels);
        register_module("conv1", _conv1);
        register_module("bn1", _bn1);
        var blocks = new List<ResidualBlock>();
        _layers = new nn.Module<Tensor, Tensor>[architecture.Blocks.Count];
        for (var i = 0; i < _layers.Length; i++)
        {
            var stage = new List<(string, nn.Module<Tensor, Tensor>)>();
            for (var j = 0; j < architecture.Blocks[i]; j++)
            {
                var block = new ResidualBlock(
                    channels,
                    architecture.Widths[i],
                    architecture.Bottleneck,
                    stride: i > 0 && j == 0 ? 2 : 1,
                    architecture.ProjectionShortcuts,
                    norm);
                stage.Add((j.ToString(System.Globalization.CultureInfo.InvariantCulture), block));
                blocks.Add(block);
                channels = block.Outputs;
            }

            _layers[i] = nn.Sequential(stage.ToArray());
            register_module($"layer{i + 1}", _layers[i]);
        }

        FeatureWidth = channels;
        Initialise(zeroInitResidual ? blocks : []);
    }

    /// <summary>F, the width of the features.</summary>
    public long FeatureWidth { get; }

    /// <summary>What images go through first.</summary>
    public NormalisedConvolution Entrance => new(_conv1, _bn1);

    /// <summary>Whether 3x3 max-pooling of stride 2 follows the entrance.</summary>
    public bool Pools => _pool;

    /// <summary>The residual blocks in the order in which they are used.</summary>
    public IEnumerable<ResidualBlock> Blocks => _layers.SelectMany(layer => layer.children()).Cast<ResidualBlock>();

    /// <inheritdoc/>
    public IReadOnlyList<BackboneStage> Stages =>
        [new("stem", "conv1", "bn1"), .. _layers.Select((_, i) => $"layer{i + 1}").Select(name => new BackboneStage(name, name))];

    /// <summary>Images to features: [N, 3, H, W] to [N, F], the mean over positions of the last stage.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = BatchNormalisation.Apply(_bn1, Layers.Convolve(_conv1, input));
        if (_pool)
        {
            x = nn.functional.max_pool2d(x, 3, stride: 2, padding: 1);
        }

        foreach (var layer in _layers)
        {
            x = StageMark.At(layer, x);
            x = _recompute && is_grad_enabled() ? Recomputed.Call(layer, x) : layer.call(x);
        }

        // The sum is float32 in any case; so is what comes of it.
        return x.mean([2, 3], type: x.dtype == ScalarType.BFloat16 ? float32 : x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>torchvision's: filters from N(0, 2 / (outputs * kernel area)), norms one and zero.</summary>
    private void Initialise(IEnumerable<ResidualBlock> zeroed)
    {
        using var _ = no_grad();
        foreach (var module in modules())
        {
            if (module is TorchSharp.Modules.Conv2d convolution)
            {
                nn.init.kaiming_normal_(
                    convolution.weight, mode: nn.init.FanInOut.FanOut, nonlinearity: nn.init.NonlinearityType.ReLU);
            }
        }

        foreach (var block in zeroed)
        {
            block.LastNorm.named_parameters().First(p => p.name == "weight").parameter.zero_();
        }
    }
}

/// <summary>How images enter a ResNet.</summary>
internal enum Stem
{
    /// <summary>7x7 convolution of stride 2 and 3x3 max-pooling of stride 2: for images of about 224 pixels.</summary>
    ImageNet,

    /// <summary>3x3 convolution of stride 1, no pooling: for images of about 32 pixels.</summary>
    Small,
}
