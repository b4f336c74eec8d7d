namespace SelfSup.Evaluation;

/// <summary>
/// How far features are from each other. For Mahalanobis distance multiply them by a factor of its matrix beforehand, and
/// take the Euclidean.
/// </summary>
internal enum FeatureDistance
{
    /// <summary>Nearer is what has the larger cosine; lengths do not matter.</summary>
    Cosine,

    /// <summary>Nearer is what has the smaller Euclidean distance, of the features as they are.</summary>
    Euclidean,
}
