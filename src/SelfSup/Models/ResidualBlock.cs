using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A residual block with torchvision's parameter names: two 3x3 convolutions (basic), or 1x1, 3x3, 1x1 with four times
/// the width at the end (bottleneck, stride in the middle one). What changes the shape goes through a projection named
/// <c>downsample</c>, or, in the thin networks, through He et al.'s parameter-free option A: every second pixel, new
/// channels zero.
/// </summary>
internal sealed class ResidualBlock : nn.Module<Tensor, Tensor>
{
    private readonly NormalisedConvolution[] _layers;
    private readonly NormalisedConvolution? _downsample;
    private readonly long _stride;
    private readonly long _newChannels;

    /// <param name="inputs">Channels that come in.</param>
    /// <param name="width">Channels of the 3x3 convolutions.</param>
    /// <param name="bottleneck">Whether to wrap one 3x3 convolution in two 1x1 convolutions.</param>
    /// <param name="stride">1, or 2 to halve height and width.</param>
    /// <param name="projection">Whether a change of shape is learned (torchvision) or padded (thin networks).</param>
    /// <param name="norm">What normalises.</param>
    public ResidualBlock(long inputs, long width, bool bottleneck, long stride, bool projection, NormKind norm)
        : base(nameof(ResidualBlock))
    {
        _stride = stride;
        Outputs = bottleneck ? width * 4 : width;
        _layers = bottleneck
            ? [Layer(inputs, width, 1, 1, norm), Layer(width, width, 3, stride, norm), Layer(width, Outputs, 1, 1, norm)]
            : [Layer(inputs, width, 3, stride, norm), Layer(width, width, 3, 1, norm)];
        for (var i = 0; i < _layers.Length; i++)
        {
            register_module($"conv{i + 1}", _layers[i].Convolution);
            register_module($"bn{i + 1}", _layers[i].Norm);
        }

        if (stride == 1 && inputs == Outputs)
        {
            return;
        }

        if (projection)
        {
            var layer = Layer(inputs, Outputs, 1, stride, norm);
            _downsample = layer;
            register_module("downsample", nn.Sequential(("0", layer.Convolution), ("1", layer.Norm)));
        }
        else
        {
            _newChannels = Outputs - inputs;
        }
    }

    /// <summary>Channels that go out.</summary>
    public long Outputs { get; }

    /// <summary>The last normalisation, whose scale zero-initialised residuals set to 0.</summary>
    public nn.Module LastNorm => _layers[^1].Norm;

    /// <summary>The convolutions of the longer way; a ReLU follows each but the last, behind which the shortcut is added first.</summary>
    public IReadOnlyList<NormalisedConvolution> Convolutions => _layers;

    /// <summary>The learned shortcut, or null.</summary>
    public NormalisedConvolution? Projection => _downsample;

    /// <summary>1, or 2 where a shortcut that is not learned takes every second pixel.</summary>
    public long Stride => _stride;

    /// <summary>Channels of zeros that a shortcut that is not learned adds, half of them (rounded down) in front.</summary>
    public long NewChannels => _newChannels;

    /// <summary>[N, inputs, H, W] to [N, <see cref="Outputs"/>, H / stride, W / stride].</summary>
    public override Tensor forward(Tensor input)
    {
        // An inner scope frees each activation that backward does not need as soon as the block is done.
        using var scope = NewDisposeScope();
        var x = input;
        foreach (var (convolution, norm) in _layers.AsSpan(0, _layers.Length - 1))
        {
            x = BatchNormalisation.Apply(norm, Layers.Convolve(convolution, x));
        }

        x = Layers.Convolve(_layers[^1].Convolution, x);
        return BatchNormalisation.Apply(_layers[^1].Norm, x, Shortcut(input)).MoveToOuterDisposeScope();
    }

    private static NormalisedConvolution Layer(long inputs, long outputs, long kernel, long stride, NormKind norm) =>
        new(nn.Conv2d(inputs, outputs, kernel, stride, padding: kernel / 2, bias: false), norm.Create(outputs));

    private Tensor Shortcut(Tensor input)
    {
        if (_downsample is var (convolution, norm))
        {
            return BatchNormalisation.Apply(norm, Layers.Convolve(convolution, input), rectify: false);
        }

        var x = input;
        if (_stride > 1)
        {
            x = x.slice(2, 0, x.shape[2], _stride).slice(3, 0, x.shape[3], _stride);
        }

        return _newChannels == 0
            ? x
            : nn.functional.pad(x, [0, 0, 0, 0, _newChannels / 2, _newChannels - (_newChannels / 2)]);
    }
}

/// <summary>A convolution and what normalises behind it.</summary>
/// <param name="Convolution">Without a bias.</param>
/// <param name="Norm">A normalisation over the batch or over groups of channels.</param>
internal sealed record NormalisedConvolution(Conv2d Convolution, nn.Module<Tensor, Tensor> Norm);
