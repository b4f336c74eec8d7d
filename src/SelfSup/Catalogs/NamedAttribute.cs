namespace SelfSup.Catalogs;

/// <summary>The name by which a recipe asks for a class: <c>method: { name: simclr, ... }</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NamedAttribute(string name) : Attribute
{
    /// <summary>The name in recipes, camelCase.</summary>
    public string Name { get; } = name;
}
