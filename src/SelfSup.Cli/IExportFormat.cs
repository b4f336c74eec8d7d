using System.CommandLine;

using SelfSup.Export;

namespace SelfSup.Cli;

/// <summary>A format of <c>selfsup export</c>: its name, its options, and who writes it.</summary>
internal interface IExportFormat
{
    /// <summary>What <c>--format</c> calls it.</summary>
    string Name { get; }

    /// <summary>The options that have an effect for it; several formats may share one.</summary>
    IReadOnlyList<Option> Options { get; }

    /// <summary>What of the network it writes as it is asked.</summary>
    ExportPart Part(ParseResult parsed);

    /// <summary>Who writes it as it is asked.</summary>
    /// <exception cref="Errors.RecipeException">Options do not go together.</exception>
    IExporter Exporter(ParseResult parsed);
}
