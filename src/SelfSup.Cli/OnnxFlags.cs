using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Export.Onnx;
using SelfSup.Runs;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary>Those flags of <c>selfsup export</c> that are of ONNX files alone.</summary>
internal sealed class OnnxFlags
{
    private readonly Option<string> _input = new("--input")
    {
        Description = "onnx: float32 planes [N, 3, S, S], or uint8 pixels [N, S, S, 3] from 0 to 255, which the file normalises itself",
        HelpName = "float32|uint8",
        DefaultValueFactory = _ => "float32",
    };

    private readonly Option<bool> _normalizeInput = new("--normalize-input")
    {
        Description = "onnx: the file normalises images itself, and takes R, G, B in 0 to 1",
    };

    private readonly Option<bool> _l2 = new("--l2") { Description = "onnx: features and embeddings of unit length" };

    private readonly Option<bool> _softmax = new("--softmax")
    {
        Description = "onnx: the probabilities of a classifier beside its logits, with --part all",
    };

    private readonly Option<bool> _fold = new("--fold-batchnorm")
    {
        Description = "onnx: batch normalisations worked into the weights before them, which is faster and the same numbers",
    };

    private readonly Option<int?> _imageSize = new("--image-size")
    {
        Description = "onnx: the side of the images (default: that of the recipe's evaluation)",
        HelpName = "pixels",
    };

    public OnnxFlags() => _input.AcceptOnlyFromAmong("float32", "uint8");

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_input, _normalizeInput, _l2, _softmax, _fold, _imageSize];

    /// <summary>Fails where one of them was given for another format.</summary>
    /// <exception cref="RecipeException">One was.</exception>
    public void RequireNone(ParseResult parsed, string format)
    {
        if (All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
        {
            throw new RecipeException($"{given.Name}: is of --format onnx, not of {format}; leave it out or change the format");
        }
    }

    /// <summary>What they say.</summary>
    /// <exception cref="RecipeException">They contradict each other.</exception>
    public OnnxOptions Options(ParseResult parsed, ExportPart part, ScalarType weights)
    {
        var options = new OnnxOptions
        {
            Part = part,
            Input = parsed.GetValue(_input) == "uint8" ? OnnxInput.Uint8 : OnnxInput.Float32,
            NormalizeInput = parsed.GetValue(_normalizeInput),
            L2 = parsed.GetValue(_l2),
            Softmax = parsed.GetValue(_softmax),
            FoldBatchNorm = parsed.GetValue(_fold),
            Weights = weights,
            ImageSize = parsed.GetValue(_imageSize),
        };
        options.Validate();
        return options;
    }

    /// <summary>Writes the file, and the one beside it that weights of more than two gigabytes need.</summary>
    public static void Write(TrainedBackbone trained, OnnxOptions options, string path)
    {
        var model = new OnnxExporter(options).Build(trained.Encoder, trained.Card);
        if (!model.NeedsWeightsFile)
        {
            CommonOptions.Write("--out", path, model.Write);
            return;
        }

        var weights = path + ".data";
        CommonOptions.Write("--out", weights, model.WriteWeights);
        CommonOptions.Write("--out", path, stream => model.Write(stream, Path.GetFileName(weights)));
    }
}
