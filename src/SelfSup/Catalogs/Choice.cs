namespace SelfSup.Catalogs;

/// <summary>A named implementation and its options: <c>optimizer: { name: sgd, momentum: 0.9 }</c>.</summary>
/// <param name="Name">The name in the catalogue.</param>
/// <param name="Options">An instance of the options class that belongs to the name.</param>
internal sealed record Choice(string Name, object Options);
