using SelfSup.Models;

namespace SelfSup.Export.Onnx;

/// <summary>A residual network as nodes.</summary>
internal static class ResNetNodes
{
    /// <summary>Images to features: [N, 3, S, S] to [N, F].</summary>
    public static string Add(OnnxLayers layers, ResNet network, string images)
    {
        var graph = layers.Graph;
        var x = graph.Add("Relu", "stem", [layers.Convolve(network.Entrance, images)]);
        if (network.Pools)
        {
            x = graph.Add(
                "MaxPool",
                "stem",
                [x],
                OnnxGraph.Attribute("kernel_shape", [3, 3]),
                OnnxGraph.Attribute("strides", [2, 2]),
                OnnxGraph.Attribute("pads", [1, 1, 1, 1]));
        }

        x = network.Blocks.Aggregate(x, (input, block) => Add(layers, block, input));
        return graph.Add("Flatten", "pool", [graph.Add("GlobalAveragePool", "pool", [x])], OnnxGraph.Attribute("axis", 1));
    }

    private static string Add(OnnxLayers layers, ResidualBlock block, string input)
    {
        var graph = layers.Graph;
        var name = layers.NameOf(block);
        var x = input;
        foreach (var convolution in block.Convolutions.SkipLast(1))
        {
            x = graph.Add("Relu", name, [layers.Convolve(convolution, x)]);
        }

        x = layers.Convolve(block.Convolutions[^1], x);
        return graph.Add("Relu", name, [graph.Add("Add", name, [x, Shortcut(layers, block, name, input)])]);
    }

    private static string Shortcut(OnnxLayers layers, ResidualBlock block, string name, string input)
    {
        if (block.Projection is { } projection)
        {
            return layers.Convolve(projection, input);
        }

        var graph = layers.Graph;
        var x = input;
        if (block.Stride > 1)
        {
            x = graph.Add(
                "Slice",
                name,
                [
                    x, graph.Numbers($"{name}.starts", 0, 0), graph.Numbers($"{name}.ends", int.MaxValue, int.MaxValue),
                    graph.Numbers($"{name}.axes", 2, 3), graph.Numbers($"{name}.steps", block.Stride, block.Stride),
                ]);
        }

        var before = block.NewChannels / 2;
        return block.NewChannels == 0
            ? x
            : graph.Add("Pad", name, [x, graph.Numbers($"{name}.pads", 0, before, 0, 0, 0, block.NewChannels - before, 0, 0)]);
    }
}
