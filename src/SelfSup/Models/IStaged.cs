namespace SelfSup.Models;

/// <summary>A backbone that says in which order its parts are used: what fine-tuning begins at, and lets learn more slowly.</summary>
internal interface IStaged
{
    /// <summary>The stages, in the order in which an image goes through them; together they are all of it.</summary>
    IReadOnlyList<BackboneStage> Stages { get; }
}

/// <summary>A stage of a backbone.</summary>
/// <param name="Name">How recipes name it.</param>
/// <param name="Parts">Names of its parameters and modules in the backbone.</param>
internal sealed record BackboneStage(string Name, params IReadOnlyList<string> Parts)
{
    /// <summary>Whether a parameter of the backbone is of it.</summary>
    public bool Has(string parameter) => Parts.Any(part =>
        parameter.StartsWith(part, StringComparison.Ordinal) && (parameter.Length == part.Length || parameter[part.Length] == '.'));
}
