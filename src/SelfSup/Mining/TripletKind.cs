namespace SelfSup.Mining;

/// <summary>Which triplets, by how much farther the negative is than the positive: the gap d(a, n) - d(a, p).</summary>
public enum TripletKind
{
    /// <summary>The gap is at most the margin: hard and semi-hard ones.</summary>
    All,

    /// <summary>The gap is larger than the margin: nothing is to be learned from them at that margin.</summary>
    Easy,

    /// <summary>The negative is farther, but by no more than the margin (Schroff et al. 2015, https://arxiv.org/abs/1503.03832, eq. 4).</summary>
    SemiHard,

    /// <summary>The negative is as near as the positive, or nearer, and the gap is at most the margin.</summary>
    Hard,
}
