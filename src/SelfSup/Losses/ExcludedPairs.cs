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

    /// <summary>Those that lie in a tile, counted from its corner; of a length below 1 where none does.</summary>
    public ExcludedPairs Within(Block rows, Block columns)
    {
        var offset = Column - Row;
        var first = Math.Max(Row, Math.Max(rows.Start, columns.Start - offset));
        var end = Math.Min(Row + Length, Math.Min(rows.End, columns.End - offset));
        return new(first - rows.Start, first + offset - columns.Start, end - first);
    }

    /// <summary>Writes minus infinity where the pairs lie in a tile of logits, [rows.Length, columns.Length].</summary>
    public void Erase(Tensor tile, Block rows, Block columns)
    {
        var here = Within(rows, columns);
        if (here.Length > 0)
        {
            tile.narrow(0, here.Row, here.Length)
                .narrow(1, here.Column, here.Length)
                .diagonal()
                .fill_(double.NegativeInfinity);
        }
    }
}
