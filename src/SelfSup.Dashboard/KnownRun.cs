using SelfSup.Reports;

namespace SelfSup.Dashboard;

/// <summary>A run as it was last looked at.</summary>
/// <param name="Id">Its path from the folder of runs.</param>
/// <param name="Folder">Its directory.</param>
internal sealed record KnownRun(string Id, string Folder)
{
    /// <summary>What its folder tells; null where it is not read.</summary>
    public RunRecord? Record { get; init; }

    /// <summary>Why it is not read.</summary>
    public string? Refused { get; init; }

    /// <summary>What its files were then.</summary>
    public string Stamp { get; init; } = "";

    /// <summary>When its files were last seen to change, by this machine's clock: a shared disk has another one.</summary>
    public DateTimeOffset Changed { get; init; }
}
