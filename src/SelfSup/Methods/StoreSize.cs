namespace SelfSup.Methods;

/// <summary>Something a method keeps between steps.</summary>
/// <param name="Name">What it is: queue, memory bank, key encoder.</param>
/// <param name="Bytes">The memory it needs.</param>
public sealed record StoreSize(string Name, long Bytes);

/// <summary>What the size of a store depends on.</summary>
/// <param name="Images">M, images of the data set.</param>
/// <param name="Width">D, width of embeddings.</param>
/// <param name="Parameters">P, parameters of backbone and head.</param>
public sealed record StoreScale(long Images, long Width, long Parameters);

/// <summary>Implemented by the options of methods that keep something: the memory is known before it is allocated.</summary>
public interface IRemembers
{
    /// <summary>What is kept, and how large it is.</summary>
    IEnumerable<StoreSize> Stores(StoreScale scale);
}
