using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>What stores hold before anything was put into them.</summary>
internal static class UnitVectors
{
    // A piece at a time: a bank of a million slots in bfloat16 needs no float32 copy of itself.
    private const long Piece = 1 << 16;

    /// <summary>Writes random directions, always the same for a seed, into a tensor [K, D] on any device.</summary>
    public static void Fill(Tensor rows, ulong seed) => Fill(rows, seed, 0, rows.shape[0]);

    /// <summary>Writes those rows of a larger tensor that belong to a part of it.</summary>
    /// <param name="rows">The part, [K, D].</param>
    /// <param name="seed">What directions are a function of.</param>
    /// <param name="first">Where in the larger tensor the part begins.</param>
    /// <param name="all">How many rows the larger tensor has.</param>
    public static void Fill(Tensor rows, ulong seed, long first, long all)
    {
        using var _ = no_grad();
        using var generator = new Generator(unchecked((ulong)(long)seed));
        var end = first + rows.shape[0];
        for (long at = 0; at < end; at += Piece)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Piece, all - at);
            var drawn = randn([count, rows.shape[1]], generator: generator); // also before the part: the generator must come by
            if (at + count > first)
            {
                var (from, to) = (Math.Max(at, first), Math.Min(at + count, end));
                rows.narrow(0, from - first, to - from).copy_(nn.functional.normalize(drawn.narrow(0, from - at, to - from), dim: 1));
            }
        }
    }
}
