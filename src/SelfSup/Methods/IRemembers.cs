namespace SelfSup.Methods;

/// <summary>Implemented by the options of methods that keep something: the memory is known before it is allocated.</summary>
public interface IRemembers
{
    /// <summary>What is kept, and how large it is.</summary>
    IEnumerable<StoreSize> Stores(StoreScale scale);
}

/// <summary>What the size of a store depends on.</summary>
/// <param name="Images">M, images of the data set.</param>
/// <param name="Width">D, width of embeddings.</param>
/// <param name="Parameters">P, parameters of backbone and head.</param>
public sealed record StoreScale(long Images, long Width, long Parameters)
{
    /// <summary>R, among which a store may be divided: what is said is of one of them.</summary>
    public int Ranks { get; init; } = 1;
}
