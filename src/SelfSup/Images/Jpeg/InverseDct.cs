using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// The inverse DCT of 8 x 8 coefficients to 8-bit samples, bit for bit that of libjpeg's accurate integer method (Loeffler,
/// Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", 1989; constants of 13 bits, two
/// more bits between the passes), so that pixels are those of other decoders.
/// </summary>
internal static unsafe class InverseDct
{
    private const int ConstantBits = 13;
    private const int PassBits = 2;

    private const int F0298 = 2446; // 0.298631336 * 2^13
    private const int F0390 = 3196;
    private const int F0541 = 4433;
    private const int F0765 = 6270;
    private const int F0899 = 7373;
    private const int F1175 = 9633;
    private const int F1501 = 12299;
    private const int F1847 = 15137;
    private const int F1961 = 16069;
    private const int F2053 = 16819;
    private const int F2562 = 20995;
    private const int F3072 = 25172;

    /// <summary>Makes a block whose only coefficient is the first.</summary>
    /// <param name="coefficient">The coefficient, dequantized.</param>
    /// <param name="samples">The first of 8 x 8 samples.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Flat(int coefficient, byte* samples, nint stride)
    {
        var row = (byte)Math.Clamp(((coefficient + 4) >> 3) + 128, 0, 255) * 0x0101_0101_0101_0101UL;
        for (var y = 0; y < 8; y++, samples += stride)
        {
            *(ulong*)samples = row;
        }
    }

    /// <summary>Makes a block.</summary>
    /// <param name="coefficients">[8, 8] in natural order.</param>
    /// <param name="quantization">The factors of the coefficients, [8, 8] in natural order.</param>
    /// <param name="samples">The first of 8 x 8 samples.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    [SkipLocalsInit]
    public static void Block(short* coefficients, int* quantization, byte* samples, nint stride)
    {
        var r0 = Row(coefficients, quantization, 0);
        var r1 = Row(coefficients, quantization, 1);
        var r2 = Row(coefficients, quantization, 2);
        var r3 = Row(coefficients, quantization, 3);
        var r4 = Row(coefficients, quantization, 4);
        var r5 = Row(coefficients, quantization, 5);
        var r6 = Row(coefficients, quantization, 6);
        var r7 = Row(coefficients, quantization, 7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits - PassBits);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits + PassBits + 3);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Store(r0, r1, r2, r3, samples, stride);
        Store(r4, r5, r6, r7, samples + (4 * stride), stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Row(short* coefficients, int* quantization, int row) =>
        Widen(Vector128.Load(coefficients + (8 * row))) * Vector256.Load(quantization + (8 * row));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector128<short> values) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(values)
        : Vector256.Create(Vector128.WidenLower(values), Vector128.WidenUpper(values));

    /// <summary>Eight one-dimensional transforms, one in each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pass(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7, int shift)
    {
        var z1 = (r2 + r6) * F0541;
        var even2 = z1 - (r6 * F1847);
        var even3 = z1 + (r2 * F0765);
        var even0 = (r0 + r4) << ConstantBits;
        var even1 = (r0 - r4) << ConstantBits;
        // The rounding of the final shift is added once, here.
        var round = Vector256.Create(1 << (shift - 1));
        even0 += round;
        even1 += round;
        var (t10, t13, t11, t12) = (even0 + even3, even0 - even3, even1 + even2, even1 - even2);

        var (s1, s2, s3, s4) = (r7 + r1, r5 + r3, r7 + r3, r5 + r1);
        var s5 = (s3 + s4) * F1175;
        s3 = s5 - (s3 * F1961);
        s4 = s5 - (s4 * F0390);
        s1 *= F0899;
        s2 *= F2562;
        var odd0 = (r7 * F0298) - s1 + s3;
        var odd1 = (r5 * F2053) - s2 + s4;
        var odd2 = (r3 * F3072) - s2 + s3;
        var odd3 = (r1 * F1501) - s1 + s4;

        r0 = (t10 + odd3) >> shift;
        r7 = (t10 - odd3) >> shift;
        r1 = (t11 + odd2) >> shift;
        r6 = (t11 - odd2) >> shift;
        r2 = (t12 + odd1) >> shift;
        r5 = (t12 - odd1) >> shift;
        r3 = (t13 + odd0) >> shift;
        r4 = (t13 - odd0) >> shift;
    }

    /// <summary>Exchanges rows and columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7)
    {
        if (!Avx2.IsSupported)
        {
            TransposePlain(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
            return;
        }

        var (a0, a1) = (Avx2.UnpackLow(r0, r1).AsInt64(), Avx2.UnpackHigh(r0, r1).AsInt64());
        var (a2, a3) = (Avx2.UnpackLow(r2, r3).AsInt64(), Avx2.UnpackHigh(r2, r3).AsInt64());
        var (a4, a5) = (Avx2.UnpackLow(r4, r5).AsInt64(), Avx2.UnpackHigh(r4, r5).AsInt64());
        var (a6, a7) = (Avx2.UnpackLow(r6, r7).AsInt64(), Avx2.UnpackHigh(r6, r7).AsInt64());
        var (b0, b1) = (Avx2.UnpackLow(a0, a2), Avx2.UnpackHigh(a0, a2));
        var (b2, b3) = (Avx2.UnpackLow(a1, a3), Avx2.UnpackHigh(a1, a3));
        var (b4, b5) = (Avx2.UnpackLow(a4, a6), Avx2.UnpackHigh(a4, a6));
        var (b6, b7) = (Avx2.UnpackLow(a5, a7), Avx2.UnpackHigh(a5, a7));
        r0 = Avx2.Permute2x128(b0, b4, 0x20).AsInt32();
        r1 = Avx2.Permute2x128(b1, b5, 0x20).AsInt32();
        r2 = Avx2.Permute2x128(b2, b6, 0x20).AsInt32();
        r3 = Avx2.Permute2x128(b3, b7, 0x20).AsInt32();
        r4 = Avx2.Permute2x128(b0, b4, 0x31).AsInt32();
        r5 = Avx2.Permute2x128(b1, b5, 0x31).AsInt32();
        r6 = Avx2.Permute2x128(b2, b6, 0x31).AsInt32();
        r7 = Avx2.Permute2x128(b3, b7, 0x31).AsInt32();
    }

    private static void TransposePlain(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7)
    {
        var from = stackalloc int[64];
        var to = stackalloc int[64];
        r0.Store(from);
        r1.Store(from + 8);
        r2.Store(from + 16);
        r3.Store(from + 24);
        r4.Store(from + 32);
        r5.Store(from + 40);
        r6.Store(from + 48);
        r7.Store(from + 56);
        for (var i = 0; i < 64; i++)
        {
            to[(8 * (i & 7)) + (i >> 3)] = from[i];
        }

        r0 = Vector256.Load(to);
        r1 = Vector256.Load(to + 8);
        r2 = Vector256.Load(to + 16);
        r3 = Vector256.Load(to + 24);
        r4 = Vector256.Load(to + 32);
        r5 = Vector256.Load(to + 40);
        r6 = Vector256.Load(to + 48);
        r7 = Vector256.Load(to + 56);
    }

    /// <summary>Adds 128, clamps to 0..255 and writes four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d, byte* samples, nint stride)
    {
        ulong row0, row1, row2, row3;
        if (Avx2.IsSupported)
        {
            // Packing works within halves: after it, the words of 4 bytes are a0 b0 c0 d0, a1 b1 c1 d1.
            var middle = Vector256.Create((short)128);
            var ab = Avx2.AddSaturate(Avx2.PackSignedSaturate(a, b), middle);
            var cd = Avx2.AddSaturate(Avx2.PackSignedSaturate(c, d), middle);
            var words = Avx2.PackUnsignedSaturate(ab, cd).AsInt32();
            var rows = Avx2.PermuteVar8x32(words, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsUInt64();
            (row0, row1, row2, row3) = (rows[0], rows[1], rows[2], rows[3]);
        }
        else
        {
            (row0, row1, row2, row3) = (Bytes(a), Bytes(b), Bytes(c), Bytes(d));
        }

        *(ulong*)samples = row0;
        *(ulong*)(samples + stride) = row1;
        *(ulong*)(samples + (2 * stride)) = row2;
        *(ulong*)(samples + (3 * stride)) = row3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Bytes(Vector256<int> values)
    {
        var bytes = Vector256.Min(
            Vector256.Max(values + Vector256.Create(128), Vector256<int>.Zero), Vector256.Create(255));
        var words = Vector128.Narrow(bytes.GetLower(), bytes.GetUpper());
        return Vector128.Narrow(words, words).AsByte().AsUInt64()[0];
    }
}
