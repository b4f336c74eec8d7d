using System.CommandLine;

using SelfSup.Export;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>--format safetensors</c>.</summary>
/// <param name="part"><c>--part</c>.</param>
/// <param name="type"><c>--dtype</c>.</param>
internal sealed class SafeTensorsFormat(Option<ExportPart> part, Option<ScalarType> type) : IExportFormat
{
    /// <inheritdoc/>
    public string Name => "safetensors";

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [part, type];

    /// <inheritdoc/>
    public ExportPart Part(ParseResult parsed) => parsed.GetValue(part);

    /// <inheritdoc/>
    public IExporter Exporter(ParseResult parsed) => new SafeTensorsExporter(Part(parsed), parsed.GetValue(type));
}
