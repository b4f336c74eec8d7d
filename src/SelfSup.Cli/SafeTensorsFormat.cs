using System.CommandLine;

using SelfSup.Export;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>--format safetensors</c>.</summary>
/// <param name="part"><c>--part</c>.</param>
/// <param name="type"><c>--dtype</c>.</param>
internal sealed class SafeTensorsFormat(Option<ExportPart> part, Option<string> type) : IExportFormat
{
    /// <summary>What <c>--dtype</c> calls the types.</summary>
    public static IReadOnlyDictionary<string, ScalarType> Types { get; } = new Dictionary<string, ScalarType>
    {
        ["float32"] = ScalarType.Float32,
        ["float16"] = ScalarType.Float16,
        ["bfloat16"] = ScalarType.BFloat16,
    };

    /// <inheritdoc/>
    public string Name => "safetensors";

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [part, type];

    /// <inheritdoc/>
    public ExportPart Part(ParseResult parsed) => parsed.GetValue(part);

    /// <inheritdoc/>
    public IExporter Exporter(ParseResult parsed) => new SafeTensorsExporter(Part(parsed), Types[parsed.GetValue(type)!]);
}
