namespace SelfSup.Methods;

/// <summary>Something a method keeps between steps.</summary>
/// <param name="Name">What it is: queue, memory bank, key encoder.</param>
/// <param name="Bytes">The memory it needs.</param>
public sealed record StoreSize(string Name, long Bytes);
