namespace SelfSup.Images.Jpeg;

/// <summary>
/// What the scans of a file may cost together. A scan of a few bytes can visit every block, so without a limit a small
/// file takes as long as a hundred large ones.
/// </summary>
/// <param name="blocks">The blocks of the image.</param>
internal struct ScanBudget(long blocks)
{
    /// <summary>
    /// Visits of a coefficient for each block. Encoders need about 340; four scans more for each component, 560.
    /// </summary>
    private const int MostVisits = 576;

    /// <summary>What a scan costs for each block beside its coefficients, in visits.</summary>
    private const int BlockVisits = 24;

    private long _left = blocks * MostVisits;

    /// <summary>Takes what a scan costs; false where it is more than there is.</summary>
    /// <param name="blocks">The blocks of the scan.</param>
    /// <param name="first">The first coefficient.</param>
    /// <param name="last">The last coefficient.</param>
    public bool Take(long blocks, int first, int last) => (_left -= blocks * (last - first + 1 + BlockVisits)) >= 0;
}
