using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>What stores hold before anything was put into them.</summary>
internal static class UnitVectors
{
    // A piece at a time: a bank of a million slots in bfloat16 needs no float32 copy of itself.
    private const long Piece = 1 << 16;

    /// <summary>Writes random directions, always the same for a seed, into a tensor [K, D] on any device.</summary>
    public static void Fill(Tensor rows, ulong seed)
    {
        using var _ = no_grad();
        using var generator = new Generator(unchecked((ulong)(long)seed));
        for (long first = 0; first < rows.shape[0]; first += Piece)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Piece, rows.shape[0] - first);
            var drawn = randn([count, rows.shape[1]], generator: generator);
            rows.narrow(0, first, count).copy_(nn.functional.normalize(drawn, dim: 1));
        }
    }
}
