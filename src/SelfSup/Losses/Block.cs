using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>Neighbouring rows of a tensor.</summary>
internal readonly record struct Block(long Start, long Length)
{
    public long End => Start + Length;

    /// <summary>A view of these rows.</summary>
    public Tensor Of(Tensor tensor) => tensor.narrow(0, Start, Length);

    /// <summary>Divides so many rows into the fewest blocks of at most <paramref name="most"/>, all about as long.</summary>
    public static Block[] Divide(long rows, long most)
    {
        var count = (rows + most - 1) / most;
        return [.. LongRange(count).Select(i => FromTo(rows * i / count, rows * (i + 1) / count))];
    }

    private static Block FromTo(long start, long end) => new(start, end - start);

    private static IEnumerable<long> LongRange(long count) => Enumerable.Range(0, (int)count).Select(i => (long)i);
}
