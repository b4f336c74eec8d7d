using System.ComponentModel.DataAnnotations;

namespace SelfSup.Mining;

/// <summary>The settings of miners that take all triplets of a kind.</summary>
internal sealed class TripletMinerOptions
{
    /// <summary>What the gap d(a, n) - d(a, p) is compared with; with a triplet loss usually the loss's margin.</summary>
    [Range(0.0, 1000.0)]
    public double Margin { get; set; } = 0.2;
}
