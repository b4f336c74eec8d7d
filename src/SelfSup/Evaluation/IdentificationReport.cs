namespace SelfSup.Evaluation;

/// <summary>What was found for one image.</summary>
/// <param name="Row">Its row among the queries.</param>
/// <param name="Place">The row of the nearest image of the gallery.</param>
/// <param name="Identity">Whose that is.</param>
/// <param name="Similarity">How near.</param>
/// <param name="IsAccepted">Whether that is near enough; otherwise the image is of nobody known.</param>
/// <param name="Truth">Whose it is; null where nobody said.</param>
internal sealed record Identification(int Row, int Place, string Identity, double Similarity, bool IsAccepted, string? Truth);

/// <summary>How well a gallery recognises images. Rates lie in 0 .. 1 and are null where there is nothing they are of.</summary>
internal sealed record IdentificationReport
{
    /// <summary>How many identities are enrolled.</summary>
    public required int Identities { get; init; }

    /// <summary>With how many images.</summary>
    public required long GalleryImages { get; init; }

    /// <summary>How many images were looked up.</summary>
    public required long Queries { get; init; }

    /// <summary>The lowest similarity that is accepted.</summary>
    public required double Threshold { get; init; }

    /// <summary>Where the threshold was chosen: the share of the gallery's images that it would take for another identity.</summary>
    public required double? GalleryFalseAcceptRate { get; init; }

    /// <summary>Where it was chosen: the share of the gallery's images that the others of their identity recognise.</summary>
    public required double? GalleryRightRate { get; init; }

    /// <summary>How many queries were near enough to somebody.</summary>
    public required long Accepted { get; init; }

    /// <summary>How many queries are of enrolled identities.</summary>
    public required long Known { get; init; }

    /// <summary>Of these, the share whose nearest image is of their identity, near enough or not.</summary>
    public required double? Rank1 { get; init; }

    /// <summary>Of these, the share recognised.</summary>
    public required double? Right { get; init; }

    /// <summary>Of these, the share taken for somebody else.</summary>
    public required double? Wrong { get; init; }

    /// <summary>Of these, the share taken for nobody.</summary>
    public required double? Rejected { get; init; }

    /// <summary>How many queries are of identities that are not enrolled.</summary>
    public required long Unknown { get; init; }

    /// <summary>Of these, the share taken for nobody, as it should be.</summary>
    public required double? UnknownRejected { get; init; }
}
