namespace SelfSup.Hosting.Examination;

/// <summary>Findings that belong together.</summary>
internal sealed record FindingGroup(string Name, IReadOnlyList<Finding> Findings);
