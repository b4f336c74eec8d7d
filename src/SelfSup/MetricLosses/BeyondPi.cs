namespace SelfSup.MetricLosses;

/// <summary>What a margin makes of an angle that it takes beyond pi, where the cosine rises again.</summary>
public enum BeyondPi
{
    /// <summary>(-1)^k cos(angle) - 2k with k = floor(angle / pi): goes on falling, as SphereFace's psi does.</summary>
    Falling,

    /// <summary>
    /// cos(theta) - m2 sin(m2): a curve that falls with the angle, as in ArcFace's code. Only where the angle counts once: taken m1 times
    /// it would be beyond pi where the curve stands higher.
    /// </summary>
    Lowered,

    /// <summary>The cosine of the angle, as the formula has it.</summary>
    Cosine,
}
