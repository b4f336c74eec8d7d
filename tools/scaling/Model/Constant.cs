namespace SelfSup.Tools.Scaling.Model;

/// <summary>A number that a prediction rests on.</summary>
/// <param name="Symbol">In the formula.</param>
/// <param name="Meaning">What it is.</param>
/// <param name="Value">In units of <paramref name="Unit"/>.</param>
/// <param name="Unit">For people.</param>
/// <param name="Source">Who measured or published it, or that it is assumed.</param>
internal sealed record Constant(string Symbol, string Meaning, double Value, string Unit, string Source);
