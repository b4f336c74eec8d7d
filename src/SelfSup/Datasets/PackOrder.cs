namespace SelfSup.Datasets;

/// <summary>The order of the rows that a pack writes.</summary>
internal enum PackOrder
{
    /// <summary>
    /// At random, always the same way, so that neighbours are of different classes: a training that mixes windows of
    /// row groups then sees every class in every window.
    /// </summary>
    Shuffled,

    /// <summary>As the source has them; a folder's images come class by class.</summary>
    Source,
}
