namespace SelfSup.Methods;

/// <summary>Where a method comes from.</summary>
/// <param name="citation">Authors, year and name, <c>He et al. 2020, momentum contrast</c>.</param>
/// <param name="address">Where it can be read.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class PaperAttribute(string citation, string address) : Attribute
{
    /// <summary>Authors, year and name.</summary>
    public string Citation { get; } = citation;

    /// <summary>Where it can be read.</summary>
    public string Address { get; } = address;
}
