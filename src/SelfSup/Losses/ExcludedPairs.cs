using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Pairs that are left out of a sum over pairs: <paramref name="Row"/> + k with <paramref name="Column"/> + k for every k
/// below <paramref name="Length"/>, a piece of a diagonal.
/// </summary>
internal readonly record struct ExcludedPairs(long Row, long Column, long Length)
{
    /// <summary>The same pairs with rows and columns exchanged.</summary>
    public ExcludedPairs Mirrored => new(Column, Row, Length);

    /// <summary>Writes minus infinity where the pairs lie in a tile of logits.</summary>
    /// <param name="tile">The tile, [rows.Length, columns.Length].</param>
    /// <param name="rows">Which rows it holds.</param>
    /// <param name="columns">Which columns.</param>
    public void Erase(Tensor tile, Block rows, Block columns)
    {
        var offset = Column - Row;
        var first = Math.Max(Row, Math.Max(rows.Start, columns.Start - offset));
        var length = Math.Min(Row + Length, Math.Min(rows.End, columns.End - offset)) - first;
        if (length > 0)
        {
            tile.narrow(0, first - rows.Start, length)
                .narrow(1, first + offset - columns.Start, length)
                .diagonal()
                .fill_(double.NegativeInfinity);
        }
    }
}
