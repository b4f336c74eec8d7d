namespace SelfSup.Distributed;

/// <summary>How values of all ranks become one.</summary>
public enum Reduction
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their mean; of floating-point values only.</summary>
    Mean,

    /// <summary>The largest.</summary>
    Max,

    /// <summary>The smallest.</summary>
    Min,
}
