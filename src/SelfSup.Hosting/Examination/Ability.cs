namespace SelfSup.Hosting.Examination;

/// <summary>Something that a user may want to do here.</summary>
/// <param name="Name">What.</param>
/// <param name="Works">Whether it can be done.</param>
/// <param name="How">How it is done, or why it cannot be.</param>
/// <param name="Advice">What to do about that; null where it can be.</param>
internal sealed record Ability(string Name, bool Works, string How, string? Advice = null);
