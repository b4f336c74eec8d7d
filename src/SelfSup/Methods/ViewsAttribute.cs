using System.Reflection;

namespace SelfSup.Methods;

/// <summary>
/// How many views a method compares, said of the class so that it is known without images and weights;
/// <see cref="Method.Views"/> of an instance is what counts in a run, and has to agree.
/// </summary>
/// <param name="count">The views that there always are.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ViewsAttribute(int count) : Attribute
{
    /// <summary>The views that there always are.</summary>
    public int Count { get; } = count;

    /// <summary>The property of the options that says how many more there are, or null.</summary>
    public string? More { get; init; }

    /// <summary>V of a method with some options.</summary>
    /// <exception cref="InvalidOperationException">The options have no such property.</exception>
    public int Of(object options) => More is null ? Count : Count + (int)Property(options).GetValue(options)!;

    private PropertyInfo Property(object options) => options.GetType().GetProperty(More!)
        ?? throw new InvalidOperationException($"[Views(More = \"{More}\")]: {options.GetType()} has no such property; name one that it has");
}
