namespace SelfSup.Negatives;

/// <summary>What a memory bank is like.</summary>
/// <param name="Images">M.</param>
/// <param name="Width">D.</param>
/// <param name="Momentum">m in slot = normalise(m slot + (1 - m) embedding).</param>
/// <param name="Precision">How slots are stored.</param>
/// <param name="Seed">Before an image came by, its slot is a random unit vector; draws are functions of it too.</param>
public sealed record BankSettings(long Images, long Width, double Momentum, BankPrecision Precision, ulong Seed);

/// <summary>How the slots of a memory bank are stored.</summary>
public enum BankPrecision
{
    /// <summary>float32.</summary>
    Float32,

    /// <summary>bfloat16: half the memory; similarities are still summed in float32.</summary>
    Bfloat16,
}
