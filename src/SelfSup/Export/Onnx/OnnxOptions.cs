using System.ComponentModel.DataAnnotations;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>What an ONNX file holds and how it takes images.</summary>
internal sealed class OnnxOptions
{
    /// <summary>
    /// What is exported: images to features, features to embeddings, or images to features and embeddings, or to features and
    /// logits where the run trained a classifier.
    /// </summary>
    public ExportPart Part { get; init; } = ExportPart.Backbone;

    /// <summary>Type and order of the values of the input.</summary>
    public OnnxInput Input { get; init; } = OnnxInput.Float32;

    /// <summary>Whether the file normalises images itself: its input is R, G, B in 0 to 1 then. One of bytes always does.</summary>
    public bool NormalizeInput { get; init; }

    /// <summary>Whether features and embeddings are of unit length.</summary>
    public bool L2 { get; init; }

    /// <summary>Whether a classifier's probabilities come out beside its logits.</summary>
    public bool Softmax { get; init; }

    /// <summary>Whether batch normalisation is worked into the weights of the convolution or linear layer before it.</summary>
    public bool FoldBatchNorm { get; init; }

    /// <summary>float32, or float16: weights half as large, computed with in float16. What goes in and comes out is float32 in any case.</summary>
    public ScalarType Weights { get; init; } = ScalarType.Float32;

    /// <summary>S, the side of the images; that of the card where it is null.</summary>
    [Range(1, 16384)]
    public int? ImageSize { get; init; }

    /// <summary>What the file says of itself beside the card, by name: whoever runs it need not know how it was made.</summary>
    public Dictionary<string, string> Metadata(ModelCard card) => new()
    {
        ["selfsup.part"] = Name(Part),
        ["selfsup.input"] = Part == ExportPart.Head ? "features" : Input == OnnxInput.Uint8 ? "bytes" : NormalizeInput || card.Mean.Count == 0 ? "rgb" : "normalized",
        ["selfsup.dtype"] = Name(Weights),
        ["selfsup.l2"] = Name(L2),
        ["selfsup.batchNormFolded"] = Name(FoldBatchNorm),
    };

    /// <summary>Fails where settings contradict each other.</summary>
    /// <exception cref="RecipeException">They do.</exception>
    public void Validate()
    {
        if (Weights is not (ScalarType.Float32 or ScalarType.Float16))
        {
            throw new RecipeException($"--dtype: is {Weights}, must be float32 or float16 in an ONNX file; change it");
        }

        if (ImageSize is < 1 or > 16384)
        {
            throw new RecipeException($"--image-size: must be between 1 and 16384, is {ImageSize}; change it");
        }

        if (Part == ExportPart.Head && (NormalizeInput || Input != OnnxInput.Float32 || ImageSize is not null))
        {
            throw new RecipeException("--part head: takes features, not images; leave --normalize-input, --input and --image-size out");
        }

        if (Softmax && Part != ExportPart.All)
        {
            throw new RecipeException("--softmax: is of a classifier, which --part all exports; name it or leave --softmax out");
        }
    }

    private static string Name<T>(T value) => value!.ToString()!.ToLowerInvariant();
}

/// <summary>What an exported network takes.</summary>
internal enum OnnxInput
{
    /// <summary>[N, 3, S, S] of float32: normalised, or R, G, B in 0 to 1 where the file normalises.</summary>
    Float32,

    /// <summary>[N, S, S, 3] of bytes, 0 to 255, as decoders give them; the file normalises.</summary>
    Uint8,
}
