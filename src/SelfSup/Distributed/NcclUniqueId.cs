namespace SelfSup.Distributed;

/// <summary>What the ranks of a communicator of NCCL know one another by: 128 bytes, which C passes by value.</summary>
internal unsafe struct NcclUniqueId
{
    /// <summary>How many bytes it has.</summary>
    public const int Length = 128;

    /// <summary>The bytes.</summary>
    public fixed byte Bytes[Length];
}
