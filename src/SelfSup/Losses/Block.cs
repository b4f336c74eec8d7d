using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>Neighbouring rows of a tensor.</summary>
internal readonly record struct Block(long Start, long Length)
{
    public long End => Start + Length;

    /// <summary>A view of these rows.</summary>
    public Tensor Of(Tensor tensor) => tensor.narrow(0, Start, Length);

    /// <summary>Divides so many rows into the fewest blocks of at most <paramref name="most"/>, all about as long.</summary>
    /// <param name="rows">How many rows.</param>
    /// <param name="most">The longest block; at least <paramref name="multiple"/> is allowed.</param>
    /// <param name="multiple">What every block but the last is a multiple of.</param>
    public static Block[] Divide(long rows, long most, long multiple = 1)
    {
        var units = Quotient(rows, multiple);
        var count = Quotient(units, Math.Max(1, most / multiple));
        var blocks = new Block[count];
        for (var i = 0L; i < count; i++)
        {
            var start = units * i / count * multiple;
            blocks[i] = new Block(start, Math.Min(rows, units * (i + 1) / count * multiple) - start);
        }

        return blocks;
    }

    /// <summary>The next multiple, or the number itself if it is one.</summary>
    public static long RoundUp(long number, long multiple) => Quotient(number, multiple) * multiple;

    private static long Quotient(long number, long divisor) => (number + divisor - 1) / divisor;
}
