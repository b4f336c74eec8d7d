namespace SelfSup.Methods;

/// <summary>
/// Marks a method whose product is the head's embeddings, as metric learning's is: verbs that compare images judge these where they are
/// not told otherwise, and not the backbone's features.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class LearnsEmbeddingsAttribute : Attribute;
