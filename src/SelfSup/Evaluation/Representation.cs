namespace SelfSup.Evaluation;

/// <summary>What of an encoder is judged.</summary>
internal enum Representation
{
    /// <summary>The backbone's features, [F] an image: what another task begins with.</summary>
    Features,

    /// <summary>The head's embeddings of unit length, [D] an image: what metric learning compares.</summary>
    Embeddings,
}
