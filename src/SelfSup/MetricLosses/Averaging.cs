namespace SelfSup.MetricLosses;

/// <summary>What a mean is over.</summary>
public enum Averaging
{
    /// <summary>Pairs, triplets or anchors whose loss is not 0: those that still teach count for as much however few they are.</summary>
    NonZero,

    /// <summary>All of them.</summary>
    All,
}
