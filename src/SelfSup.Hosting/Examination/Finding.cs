namespace SelfSup.Hosting.Examination;

/// <summary>A fact of the machine or the process.</summary>
/// <param name="Name">What it is about.</param>
/// <param name="State">How it stands.</param>
/// <param name="Value">What was found.</param>
/// <param name="Advice">What to do; null where nothing is to be done.</param>
internal sealed record Finding(string Name, FindingState State, string Value, string? Advice = null)
{
    public static Finding Ok(string name, string value) => new(name, FindingState.Ok, value);

    public static Finding Missing(string name, string value, string? advice = null) => new(name, FindingState.Missing, value, advice);

    public static Finding Wrong(string name, string value, string advice) => new(name, FindingState.Wrong, value, advice);
}
