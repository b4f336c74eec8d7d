using SelfSup.Catalogs;

namespace SelfSup.Recipes;

/// <summary>A named implementation and its options: <c>optimizer: { name: sgd, momentum: 0.9 }</c>.</summary>
/// <param name="Name">The name in the catalogue.</param>
/// <param name="Options">An instance of the options class that belongs to the name.</param>
internal sealed record Choice(string Name, object Options);

/// <summary>Marks a <see cref="Choice"/>, or a list of them, with the catalogue of <paramref name="product"/>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ChosenFromAttribute(Type product) : Attribute
{
    /// <summary>The type whose <see cref="Catalog{T}"/> holds the names.</summary>
    public Type Product { get; } = product;
}
