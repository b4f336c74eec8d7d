namespace SelfSup.Images.Jpeg;

/// <summary>The order in which the coefficients of a block are stored (ITU-T T.81, figure A.6).</summary>
internal static unsafe class Zigzag
{
    /// <summary>Where coefficients beyond the last one go: behind the block.</summary>
    public const int Beyond = 64;

    private static readonly byte[] _reachable = Reachable();

    /// <summary>The natural position of each coefficient, [64].</summary>
    public static ReadOnlySpan<byte> Order =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
        28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61,
        54, 47, 55, 62, 63,
    ];

    /// <summary>
    /// The same for everything that a symbol can reach from the last coefficient but one: an end of block, or a run in
    /// a damaged file.
    /// </summary>
    public static byte* Table { get; } = Address(_reachable);

    private static byte[] Reachable()
    {
        var table = GC.AllocateArray<byte>(96 + HuffmanStep.EndOfBlock, pinned: true);
        table.AsSpan().Fill(Beyond);
        Order.CopyTo(table);
        return table;
    }

    private static byte* Address(byte[] pinned)
    {
        fixed (byte* first = pinned)
        {
            return first;
        }
    }
}
