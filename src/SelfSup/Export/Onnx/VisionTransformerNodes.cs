using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>A vision transformer as nodes, for images of one size: its positions are interpolated when the file is made.</summary>
internal static class VisionTransformerNodes
{
    /// <summary>Images to features: [N, 3, S, S] to [N, F].</summary>
    public static string Add(OnnxLayers layers, VisionTransformer network, string images, int imageSize)
    {
        var graph = layers.Graph;
        var x = network.Blocks.Aggregate(Tokens(layers, network, images, imageSize), (input, block) => Add(layers, block, input));
        if (network.Pool == TokenPool.Token)
        {
            var first = graph.Add("Gather", "pool", [x, graph.Constant("pool.first", ScalarType.Int64, [], () => tensor(0L))], OnnxGraph.Attribute("axis", 1));
            return layers.Normalise(network.Norm, first);
        }

        var patches = graph.Add(
            "Slice", "pool", [x, graph.Numbers("pool.starts", 1), graph.Numbers("pool.ends", int.MaxValue), graph.Numbers("pool.axes", 1)]);
        return graph.Add(
            "ReduceMean",
            "pool",
            [layers.Normalise(network.Norm, patches)],
            OnnxGraph.Attribute("axes", [1]),
            OnnxGraph.Attribute("keepdims", 0));
    }

    /// <summary>[N, 3, S, S] to [N, T, D]: a row of zeros in front of the patches' tokens, and then everybody's position.</summary>
    private static string Tokens(OnnxLayers layers, VisionTransformer network, string images, int imageSize)
    {
        var graph = layers.Graph;
        var (projection, width) = (network.Patches, network.FeatureWidth);
        var name = layers.NameOf(projection);
        string[] inputs =
        [
            images,
            layers.Constant($"{name}.weight", projection.Weight.shape, () => projection.Weight),
            layers.Constant($"{name}.bias", [width], () => projection.Bias),
        ];
        var planes = layers.Convolve(name, inputs, projection.PatchSize, projection.PatchSize, padding: 0);
        var side = imageSize / projection.PatchSize;
        var columns = graph.Add("Reshape", name, [planes, graph.Numbers($"{name}.columns", 0, width, side * side)]);
        var patches = graph.Add("Transpose", name, [columns], OnnxGraph.Attribute("perm", [0, 2, 1]));
        var tokens = graph.Add("Pad", name, [patches, graph.Numbers($"{name}.pads", 0, 1, 0, 0, 0, 0)]);
        return graph.Add("Add", "pos_embed", [tokens, Positions(layers, network, imageSize)]);
    }

    private static string Positions(OnnxLayers layers, VisionTransformer network, int imageSize)
    {
        using (NewDisposeScope())
        {
            _ = network.Positions(imageSize, imageSize); // fails now, not when half of the file is written
        }

        var side = imageSize / network.Patches.PatchSize;
        return layers.Constant("pos_embed", [1, 1 + (side * side), network.FeatureWidth], () =>
        {
            var (first, patches) = network.Positions(imageSize, imageSize);
            return cat([first, patches], dim: 1);
        });
    }

    private static string Add(OnnxLayers layers, TransformerBlock block, string input)
    {
        var graph = layers.Graph;
        var name = layers.NameOf(block);
        var x = graph.Add("Add", name, [input, Attend(layers, block, input)]);
        var (norm, hidden, output) = block.Perceptron;
        var y = layers.Gelu($"{name}.mlp", layers.MultiplyTokens(hidden, layers.Normalise(norm, x)));
        return graph.Add("Add", name, [x, layers.MultiplyTokens(output, y)]);
    }

    private static string Attend(OnnxLayers layers, TransformerBlock block, string input)
    {
        var graph = layers.Graph;
        var (norm, queries, output) = block.Attention;
        var name = $"{layers.NameOf(block)}.attn";
        var (width, heads) = (output.weight!.shape[0], (long)block.Heads);
        var parts = graph.Add(
            "Split",
            name,
            [layers.MultiplyTokens(queries, layers.Normalise(norm, input)), graph.Numbers($"{name}.split", width, width, width)],
            results: 3,
            OnnxGraph.Attribute("axis", 2));
        var shape = graph.Numbers($"{name}.heads", 0, 0, heads, width / heads);
        string Heads(string part, params long[] order) =>
            graph.Add("Transpose", name, [graph.Add("Reshape", name, [part, shape])], OnnxGraph.Attribute("perm", order));
        // Scaled before the product, which float16 could not hold otherwise.
        var query = graph.Add("Mul", name, [Heads(parts[0], 0, 2, 1, 3), layers.Number($"{name}.scale", 1 / Math.Sqrt(width / (double)heads))]);
        var scores = graph.Add("MatMul", name, [query, Heads(parts[1], 0, 2, 3, 1)]);
        var attended = graph.Add(
            "MatMul", name, [graph.Add("Softmax", name, [scores], OnnxGraph.Attribute("axis", -1)), Heads(parts[2], 0, 2, 1, 3)]);
        var tokens = graph.Add("Transpose", name, [attended], OnnxGraph.Attribute("perm", [0, 2, 1, 3]));
        return layers.MultiplyTokens(output, graph.Add("Reshape", name, [tokens, graph.Numbers($"{name}.tokens", 0, 0, width)]));
    }
}
