using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>How images enter a graph.</summary>
internal static class OnnxInputs
{
    /// <summary>Adds the input and what makes normalised images of it.</summary>
    /// <returns>[N, 3, S, S], float32, as the network takes them.</returns>
    /// <exception cref="RecipeException">The file should normalise, and images are not normalised.</exception>
    public static string Add(OnnxGraph graph, OnnxOptions options, ModelCard card)
    {
        long size = card.ImageSize;
        if (options.Input == OnnxInput.Uint8)
        {
            var bytes = graph.Input(OnnxExporter.Images, ScalarType.Byte, "R, G, B from 0 to 255, pixel by pixel", size, size, 3);
            var planes = graph.Add("Transpose", "input", [bytes], OnnxGraph.Attribute("perm", [0, 3, 1, 2]));
            var values = graph.Add("Cast", "input", [planes], OnnxGraph.Attribute("to", OnnxGraph.Number(ScalarType.Float32)));
            var shares = graph.Add("Div", "input", [values, graph.Constant("input.white", ScalarType.Float32, [], () => tensor(255.0))]);
            return Normalised(graph, card, shares);
        }

        if (!options.NormalizeInput)
        {
            return graph.Input(OnnxExporter.Images, ScalarType.Float32, "R, G, B in planes, normalised as the metadata say", 3, size, size);
        }

        if (card.Mean.Count == 0)
        {
            throw new RecipeException("--normalize-input: images of this run are not normalised, but R, G, B in 0 to 1; leave it out");
        }

        return Normalised(graph, card, graph.Input(OnnxExporter.Images, ScalarType.Float32, "R, G, B in planes, from 0 to 1", 3, size, size));
    }

    private static string Normalised(OnnxGraph graph, ModelCard card, string images)
    {
        if (card.Mean.Count == 0)
        {
            return images;
        }

        string Channels(string name, IReadOnlyList<double> values) => graph.Constant(
            name, ScalarType.Float32, [1, values.Count, 1, 1], () => tensor(values.ToArray()).reshape(1, -1, 1, 1));
        var centred = graph.Add("Sub", "normalize", [images, Channels("normalize.mean", card.Mean)]);
        return graph.Add("Div", "normalize", [centred, Channels("normalize.standardDeviation", card.StandardDeviation)]);
    }
}
