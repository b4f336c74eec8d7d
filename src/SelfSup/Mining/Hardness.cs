namespace SelfSup.Mining;

/// <summary>Which positive or negative of an anchor.</summary>
public enum Hardness
{
    /// <summary>The nearest positive, the farthest negative.</summary>
    Easy,

    /// <summary>The farthest positive, the nearest negative.</summary>
    Hard,

    /// <summary>The farthest positive nearer than the chosen negative, the nearest negative farther than the chosen positive.</summary>
    SemiHard,

    /// <summary>Each of them.</summary>
    All,
}
