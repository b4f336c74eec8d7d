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
        if (MeetsOnlyTheMiddle(layer, input))
        {
            var middle = Middle(layer, input);
            OutputWatch.See(layer, input, middle);
            return middle;
        }

        var output = Autocast.RoundsOperands ? Rounded(layer, input) : layer.call(input);
        MultiplyCount.Current?.Add(layer.weight, input, output);
        OutputWatch.See(layer, input, output);
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
        OutputWatch.See(layer, input, output);
        return output;
    }

    // Images of one pixel, as small patches are in the last stage, with a margin of zeros around.
    private static bool MeetsOnlyTheMiddle(Conv2d layer, Tensor input) =>
        layer.weight.shape is [_, _, 3, 3] && input.shape is [_, _, 1, 1] && layer.bias is null && layer.groups == 1
        && Pair(layer.padding!) is [1, 1] && Pair(layer.dilation!) is [1, 1];

    // The product that is left. oneDNN has the whole one too, but in bfloat16 and with a stride of 2 the gradient of its weight
    // is not the same from run to run, and now and then no number (libtorch 2.10).
    private static Tensor Middle(Conv2d layer, Tensor input)
    {
        using var scope = NewDisposeScope();
        var middle = layer.weight.narrow(2, 1, 1).narrow(3, 1, 1);
        var output = Autocast.RoundsOperands
            ? nn.functional.conv2d(Rounded(input), Rounded(middle))
            : nn.functional.conv2d(input, middle);
        MultiplyCount.Current?.Add(middle, input, output);
        return output.MoveToOuterDisposeScope();
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
