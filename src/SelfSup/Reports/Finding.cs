namespace SelfSup.Reports;

/// <summary>What a section of a report shows, or why it shows nothing.</summary>
/// <param name="Value">What was found; null where nothing was.</param>
/// <param name="Missing">Why there is nothing, in a line; null where there is something.</param>
internal readonly record struct Finding<T>(T? Value, string? Missing)
    where T : class
{
    public static implicit operator Finding<T>(T value) => new(value, null);

    /// <summary>Nothing, and why.</summary>
    public static Finding<T> Without(string why) => new(null, why);
}
