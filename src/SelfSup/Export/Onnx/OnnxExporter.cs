using Onnx;

using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>
/// A trained network as an ONNX file (https://onnx.ai), for ONNX Runtime, ML.NET and all else that runs such files: any number of images in,
/// features and embeddings out. Operators are those of opset 17, which ONNX Runtime has had since version 1.12 (2022).
/// </summary>
/// <param name="options">What it holds.</param>
internal sealed class OnnxExporter(OnnxOptions options) : IExporter
{
    /// <summary>The name of an input of images.</summary>
    public const string Images = "images";

    /// <summary>The name of what the backbone gives, and of the input of a head that is exported alone.</summary>
    public const string Features = "features";

    /// <summary>The name of what the head gives.</summary>
    public const string Embeddings = "embeddings";

    /// <summary>The name of what a classifier gives.</summary>
    public const string Logits = "logits";

    /// <summary>The name of a classifier's probabilities.</summary>
    public const string Probabilities = "probabilities";

    private const int Opset = 17;
    private const int IrVersion = 8;
    private const double ShortestLength = 1e-12; // torch's normalize

    /// <inheritdoc/>
    /// <exception cref="RecipeException">The options do not fit the network.</exception>
    public void Write(Encoder encoder, ModelCard card, Stream destination) => Build(encoder, card).Write(destination);

    /// <inheritdoc/>
    public void Write(Encoder encoder, ModelCard card, string path, Action<string, Action<Stream>> write) => Build(encoder, card).Write(path, write);

    /// <summary>Puts the graph together; weights are read from the network when the model is written.</summary>
    /// <param name="encoder">The network, on any device; it must live until the model is written.</param>
    /// <param name="card">What the file says of it.</param>
    /// <exception cref="RecipeException">The options do not fit the network.</exception>
    public OnnxModel Build(Encoder encoder, ModelCard card)
    {
        options.Validate();
        var size = options.ImageSize ?? card.ImageSize;
        if (options.ImageSize is not null && encoder.Network is VisionTransformer { Patches.PatchSize: var patch } && size % patch != 0)
        {
            throw new RecipeException($"--image-size: is {size}, must be a multiple of {patch}, the side of a patch; change it");
        }

        // Nobody has said what view leads to images of another size.
        var actual = card with { ImageSize = size, View = size == card.ImageSize ? card.View : "" };
        var layers = new OnnxLayers(new OnnxGraph(), encoder, options.Weights, options.FoldBatchNorm);
        AddNetwork(layers, encoder, actual);
        if (options.FoldBatchNorm && layers.Folded == 0)
        {
            throw new RecipeException("--fold-batchnorm: what is exported has no batch normalisation behind a layer; leave it out");
        }

        layers.Graph.Proto.DocString = $"{card.Method}, {card.Backbone}";
        return new OnnxModel(Header(actual), layers.Graph);
    }

    private void AddNetwork(OnnxLayers layers, Encoder encoder, ModelCard card)
    {
        var (kept, last) = encoder.Head;
        var classifier = Classification.Classifier(encoder);
        var (features, embedding) = encoder.Widths is var widths ? (widths.Judged, widths.Embedding) : default;
        if (options.Softmax && classifier is null)
        {
            throw new RecipeException("--softmax: is of a classifier, which the run has not trained; leave it out");
        }

        if (options.Part == ExportPart.Head)
        {
            if (classifier is not null)
            {
                throw new RecipeException("--part: is head, which a run of classification does not train; take all, which has its classifier, or backbone");
            }

            var input = layers.Graph.Input(Features, float32, "what the backbone makes of images", features);
            Output(layers, layers.Run(last, Narrow(layers, input)), Embeddings, embedding);
            return;
        }

        var x = Narrow(layers, OnnxInputs.Add(layers.Graph, options, card));
        x = encoder.Network switch
        {
            ResNet network => ResNetNodes.Add(layers, network, x),
            VisionTransformer network => VisionTransformerNodes.Add(layers, network, x, card.ImageSize),
            var other => throw new NotSupportedException($"{other.GetType().Name} is no network of the catalogue"),
        };
        x = layers.Run(kept, x);
        if (options.Part == ExportPart.All && classifier is null)
        {
            Output(layers, layers.Run(last, x), Embeddings, embedding);
        }
        else if (options.Part == ExportPart.All)
        {
            AddClassifier(layers, classifier!, x);
        }

        Output(layers, x, Features, features);
    }

    // Who trains a classifier leaves the projection head as it was.
    private void AddClassifier(OnnxLayers layers, Linear classifier, string features)
    {
        var classes = classifier.weight!.shape[0];
        var logits = layers.Graph.Output(Wide(layers, layers.Multiply(classifier, features)), Logits, "a number for each class, before the softmax", classes);
        if (options.Softmax)
        {
            var probabilities = layers.Graph.Add("Softmax", "classifier", [logits], OnnxGraph.Attribute("axis", -1));
            layers.Graph.Output(probabilities, Probabilities, "of each class", classes);
        }
    }

    private void Output(OnnxLayers layers, string value, string name, long width)
    {
        var wide = Wide(layers, value);
        layers.Graph.Output(options.L2 ? Unit(layers.Graph, name, wide) : wide, name, options.L2 ? "of unit length" : "of any length", width);
    }

    /// <summary>x / max(|x|, 1e-12), row by row, in float32 also of a network in float16.</summary>
    private static string Unit(OnnxGraph graph, string name, string x)
    {
        var length = graph.Add("ReduceL2", $"{name}.unit", [x], OnnxGraph.Attribute("axes", [1]), OnnxGraph.Attribute("keepdims", 1));
        var least = graph.Constant($"{name}.shortest", ScalarType.Float32, [], () => tensor(ShortestLength));
        return graph.Add("Div", $"{name}.unit", [x, graph.Add("Max", $"{name}.unit", [length, least])]);
    }

    private string Narrow(OnnxLayers layers, string value) => Cast(layers.Graph, value, options.Weights);

    private string Wide(OnnxLayers layers, string value) => Cast(layers.Graph, value, ScalarType.Float32);

    private string Cast(OnnxGraph graph, string value, ScalarType to) => options.Weights == ScalarType.Float32
        ? value
        : graph.Add("Cast", "", [value], OnnxGraph.Attribute("to", OnnxGraph.Number(to)));

    private ModelProto Header(ModelCard card)
    {
        var header = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "SelfSup",
            ProducerVersion = card.Version,
            DocString = $"Trained by SelfSup {card.Version}; the recipe is in the metadata.",
        };
        header.OpsetImport.Add(new OperatorSetIdProto { Version = Opset });
        var metadata = card.Metadata();
        foreach (var (key, value) in options.Metadata(card))
        {
            metadata[key] = value;
        }

        header.MetadataProps.Add(metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
        return header;
    }
}
