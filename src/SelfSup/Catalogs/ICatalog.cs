namespace SelfSup.Catalogs;

/// <summary>What the recipe reader needs of a <see cref="Catalog{T}"/>: names and their options.</summary>
internal interface ICatalog
{
    /// <summary>The names, in ordinal order.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>The options class of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    Type OptionsType(string name);

    /// <summary>The class of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    Type TypeOf(string name);
}
