using SelfSup.Tensors;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>The layers that multiply, in the precision of the thread.</summary>
internal static class Layers
{
    /// <summary>A convolution without padding modes of its own: [N, I, H, W] to [N, O, H', W'].</summary>
    public static Tensor Convolve(Conv2d layer, Tensor input)
    {
        var output = Autocast.RoundsOperands ? Rounded(layer, input) : layer.call(input);
        MultiplyCount.Current?.Add(layer.weight, input, output);
        return output;
    }

    /// <summary>A convolution without padding, whose values are no layer's: [N, I, H, W] to [N, O, H / stride, W / stride].</summary>
    public static Tensor Convolve(Tensor weight, Tensor bias, long stride, Tensor input)
    {
        using var scope = NewDisposeScope();
        var output = Autocast.RoundsOperands
            ? nn.functional.conv2d(Rounded(input), Rounded(weight), Rounded(bias), [stride, stride])
            : nn.functional.conv2d(input, weight, bias, [stride, stride]);
        MultiplyCount.Current?.Add(weight, input, output);
        return output.MoveToOuterDisposeScope();
    }

    /// <summary>A linear layer: [..., I] to [..., O].</summary>
    public static Tensor Multiply(Linear layer, Tensor input)
    {
        var output = Autocast.RoundsOperands ? Rounded(layer, input) : layer.call(input);
        MultiplyCount.Current?.Add(layer.weight!, input, output);
        return output;
    }

    private static Tensor Rounded(Conv2d layer, Tensor input)
    {
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(
            Rounded(input),
            Rounded(layer.weight),
            layer.bias is { } bias ? Rounded(bias) : null,
            Pair(layer.stride!),
            Pair(layer.padding!),
            Pair(layer.dilation!),
            layer.groups).MoveToOuterDisposeScope();
    }

    private static Tensor Rounded(Linear layer, Tensor input)
    {
        using var scope = NewDisposeScope();
        return nn.functional.linear(
            Rounded(input),
            Rounded(layer.weight!),
            layer.bias is { } bias ? Rounded(bias) : null).MoveToOuterDisposeScope();
    }

    // Gradients flow back to the tensor in its own type.
    private static Tensor Rounded(Tensor tensor) => tensor.to(bfloat16);

    private static long[] Pair(long[] sizes) => sizes.Length == 1 ? [sizes[0], sizes[0]] : sizes;
}
