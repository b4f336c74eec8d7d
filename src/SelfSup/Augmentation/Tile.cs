using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SelfSup.Augmentation;

/// <summary>
/// Tiles of 8 x 8 floats. What combines values of a row is fast when the row runs down a column of vectors, so kernels
/// turn a strip of rows, combine, and turn it back.
/// </summary>
internal static unsafe class Tile
{
    public const int Side = 8;

    /// <summary>Exchanges rows and columns.</summary>
    /// <param name="from">The first of 8 x 8 values.</param>
    /// <param name="fromStride">Values from one row to the next.</param>
    /// <param name="to">Takes them.</param>
    /// <param name="toStride">Values from one row to the next.</param>
    public static void Transpose(float* from, nint fromStride, float* to, nint toStride)
    {
        if (!Avx.IsSupported)
        {
            for (var i = 0; i < Side; i++)
            {
                for (var j = 0; j < Side; j++)
                {
                    to[(j * toStride) + i] = from[(i * fromStride) + j];
                }
            }

            return;
        }

        var (r0, r1) = (Vector256.Load(from), Vector256.Load(from + fromStride));
        var (r2, r3) = (Vector256.Load(from + (2 * fromStride)), Vector256.Load(from + (3 * fromStride)));
        var (r4, r5) = (Vector256.Load(from + (4 * fromStride)), Vector256.Load(from + (5 * fromStride)));
        var (r6, r7) = (Vector256.Load(from + (6 * fromStride)), Vector256.Load(from + (7 * fromStride)));
        var (a0, a1) = (Avx.UnpackLow(r0, r1), Avx.UnpackHigh(r0, r1));
        var (a2, a3) = (Avx.UnpackLow(r2, r3), Avx.UnpackHigh(r2, r3));
        var (a4, a5) = (Avx.UnpackLow(r4, r5), Avx.UnpackHigh(r4, r5));
        var (a6, a7) = (Avx.UnpackLow(r6, r7), Avx.UnpackHigh(r6, r7));
        var (b0, b1) = (Avx.Shuffle(a0, a2, 0x44), Avx.Shuffle(a0, a2, 0xEE));
        var (b2, b3) = (Avx.Shuffle(a1, a3, 0x44), Avx.Shuffle(a1, a3, 0xEE));
        var (b4, b5) = (Avx.Shuffle(a4, a6, 0x44), Avx.Shuffle(a4, a6, 0xEE));
        var (b6, b7) = (Avx.Shuffle(a5, a7, 0x44), Avx.Shuffle(a5, a7, 0xEE));
        Avx.Permute2x128(b0, b4, 0x20).Store(to);
        Avx.Permute2x128(b1, b5, 0x20).Store(to + toStride);
        Avx.Permute2x128(b2, b6, 0x20).Store(to + (2 * toStride));
        Avx.Permute2x128(b3, b7, 0x20).Store(to + (3 * toStride));
        Avx.Permute2x128(b0, b4, 0x31).Store(to + (4 * toStride));
        Avx.Permute2x128(b1, b5, 0x31).Store(to + (5 * toStride));
        Avx.Permute2x128(b2, b6, 0x31).Store(to + (6 * toStride));
        Avx.Permute2x128(b3, b7, 0x31).Store(to + (7 * toStride));
    }
}
