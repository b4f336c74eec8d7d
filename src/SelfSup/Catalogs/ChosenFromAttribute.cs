namespace SelfSup.Catalogs;

/// <summary>Marks a <see cref="Choice"/>, or a list of them, with the catalogue of <paramref name="product"/>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ChosenFromAttribute(Type product) : Attribute
{
    /// <summary>The type whose <see cref="Catalog{T}"/> holds the names.</summary>
    public Type Product { get; } = product;
}
