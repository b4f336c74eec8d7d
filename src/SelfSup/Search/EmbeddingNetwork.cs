namespace SelfSup.Search;

/// <summary>What files say of the network that made their embeddings.</summary>
/// <param name="Card">What exports say of it, see <see cref="Export.ModelCard.Metadata"/>.</param>
/// <param name="Weights">A hash of the weights, by which another network is told from this one.</param>
/// <param name="Model">Where it was.</param>
internal sealed record EmbeddingNetwork(IReadOnlyDictionary<string, string> Card, string Weights, string Model);
