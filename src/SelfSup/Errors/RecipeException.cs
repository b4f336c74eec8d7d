namespace SelfSup.Errors;

/// <summary>The recipe, a flag or a path given by the user is wrong (exit code 2).</summary>
/// <param name="violations">Every violation that was found, one line each.</param>
public sealed class RecipeException(IReadOnlyList<string> violations)
    : SelfSupException(string.Join(Environment.NewLine, violations), exitCode: 2)
{
    /// <summary>An error with a single violation.</summary>
    public RecipeException(string violation)
        : this([violation])
    {
    }

    /// <summary>Every violation that was found, one line each.</summary>
    public IReadOnlyList<string> Violations { get; } = violations;
}
