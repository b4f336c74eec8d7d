namespace SelfSup.Tools.Fuzz;

/// <summary>What became of one case.</summary>
/// <param name="By">Who read it; null where the file was refused.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Failure">What must not happen, null where it did not.</param>
internal sealed record FuzzOutcome(string? By, double Milliseconds, string? Failure);
