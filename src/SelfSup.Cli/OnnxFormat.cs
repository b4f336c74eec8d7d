using System.CommandLine;

using SelfSup.Export;
using SelfSup.Export.Onnx;

namespace SelfSup.Cli;

/// <summary><c>--format onnx</c>.</summary>
/// <param name="part"><c>--part</c>.</param>
/// <param name="type"><c>--dtype</c>.</param>
internal sealed class OnnxFormat(Option<ExportPart> part, Option<string> type) : IExportFormat
{
    private readonly Option<string> _input = AcceptingOnly(new("--input")
    {
        Description = "onnx: float32 planes [N, 3, S, S], or uint8 pixels [N, S, S, 3] from 0 to 255, which the file normalises itself",
        HelpName = "float32|uint8",
        DefaultValueFactory = _ => "float32",
    });

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
        Description = "onnx: batch normalisations worked into the weights before them, for programs that do not do it themselves (ONNX Runtime does)",
    };

    private readonly Option<int?> _imageSize = new("--image-size")
    {
        Description = "onnx: the side of the images (default: that of the recipe's evaluation)",
        HelpName = "pixels",
    };

    /// <inheritdoc/>
    public string Name => "onnx";

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [part, type, _input, _normalizeInput, _l2, _softmax, _fold, _imageSize];

    /// <inheritdoc/>
    public ExportPart Part(ParseResult parsed) => parsed.GetValue(part);

    /// <inheritdoc/>
    public IExporter Exporter(ParseResult parsed)
    {
        var options = new OnnxOptions
        {
            Part = Part(parsed),
            Input = Enum.Parse<OnnxInput>(parsed.GetValue(_input)!, ignoreCase: true),
            NormalizeInput = parsed.GetValue(_normalizeInput),
            L2 = parsed.GetValue(_l2),
            Softmax = parsed.GetValue(_softmax),
            FoldBatchNorm = parsed.GetValue(_fold),
            Weights = SafeTensorsFormat.Types[parsed.GetValue(type)!],
            ImageSize = parsed.GetValue(_imageSize),
        };
        options.Validate();
        return new OnnxExporter(options);
    }

    private static Option<string> AcceptingOnly(Option<string> option)
    {
        option.AcceptOnlyFromAmong("float32", "uint8");
        return option;
    }
}
