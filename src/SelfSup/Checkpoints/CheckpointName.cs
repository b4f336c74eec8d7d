using System.Globalization;

namespace SelfSup.Checkpoints;

/// <summary>
/// The name of a checkpoint's folder: <c>step-00000120</c>, or <c>step-00000120.2</c> for the second of the same step, as
/// where a resumed run adds an evaluation. A second one has a folder of its own, so that there is a whole one at any moment.
/// </summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Revision">1 for the first of a step.</param>
internal readonly record struct CheckpointName(long Step, int Revision) : IComparable<CheckpointName>
{
    /// <summary>What a folder ends with that is being written.</summary>
    public const string Unfinished = ".tmp";

    /// <summary>What a folder ends with that is being deleted.</summary>
    public const string Doomed = ".old";

    private const string Prefix = "step-";

    /// <summary>What the folders of all checkpoints match, and those that are being written or deleted.</summary>
    public const string Pattern = Prefix + "*";

    /// <summary>The name of a checkpoint's folder, or null for another folder.</summary>
    public static CheckpointName? Parse(string path)
    {
        var name = Path.GetFileName(path);
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var parts = name[Prefix.Length..].Split('.');
        var revision = 1;
        return parts.Length <= 2
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            && (parts.Length == 1 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out revision))
            ? new CheckpointName(step, revision)
            : null;
    }

    /// <inheritdoc/>
    public int CompareTo(CheckpointName other) => (Step, Revision).CompareTo((other.Step, other.Revision));

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Prefix}{Step:D8}{(Revision > 1 ? $".{Revision}" : "")}");
}
