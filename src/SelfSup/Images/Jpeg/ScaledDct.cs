using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// The inverse DCT to fewer samples than coefficients: the lowest N frequencies of a direction make N samples, which is the
/// image shrunk by 8 / N. Each direction has an N of its own, 1, 2, 4 or 8, so that subsampled planes can come out in
/// the size of the others.
/// </summary>
internal static unsafe class ScaledDct
{
    /// <summary>By log2 N: how much each frequency counts in each sample, [N samples, 8].</summary>
    private static readonly float[][] _bySample = [Weights(1), Weights(2), Weights(4), Weights(8)];

    /// <summary>By log2 N: how much each frequency counts in each sample, [8 frequencies, 8 samples].</summary>
    private static readonly float[][] _byFrequency = [.. _bySample.Select(Turned)];

    /// <summary>Makes a block whose only coefficient is the first.</summary>
    /// <param name="coefficient">The coefficient, dequantized.</param>
    /// <param name="samples">The first of <paramref name="height"/> x <paramref name="width"/> samples.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="height">N downwards: 1, 2, 4 or 8.</param>
    /// <param name="width">N across: 1, 2, 4 or 8.</param>
    public static void Flat(int coefficient, byte* samples, nint stride, int height, int width)
    {
        var row = (byte)Math.Clamp(((coefficient + 4) >> 3) + 128, 0, 255) * 0x0101_0101_0101_0101UL;
        for (var y = 0; y < height; y++, samples += stride)
        {
            Store(row, samples, width);
        }
    }

    /// <summary>Makes a block.</summary>
    /// <param name="coefficients">[8, 8] in natural order.</param>
    /// <param name="quantization">The factors of the coefficients, [8, 8] in natural order.</param>
    /// <param name="samples">The first of <paramref name="height"/> x <paramref name="width"/> samples.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="height">N downwards: 1, 2, 4 or 8.</param>
    /// <param name="width">N across: 1, 2, 4 or 8.</param>
    [SkipLocalsInit]
    public static void Block(
        short* coefficients, int* quantization, byte* samples, nint stride, int height, int width)
    {
        var rows = stackalloc float[64];
        for (var v = 0; v < height; v++)
        {
            var values = Vector128.Load(coefficients + (8 * v));
            var wide = Vector256.Create(Vector128.WidenLower(values), Vector128.WidenUpper(values));
            Vector256.ConvertToSingle(wide * Vector256.Load(quantization + (8 * v))).Store(rows + (8 * v));
        }

        var column = stackalloc float[8];
        fixed (float* down = _bySample[BitOperations.Log2((uint)height)])
        fixed (float* across = _byFrequency[BitOperations.Log2((uint)width)])
        {
            for (var y = 0; y < height; y++, samples += stride)
            {
                var sum = Vector256<float>.Zero;
                for (var v = 0; v < height; v++)
                {
                    sum = Vector256.MultiplyAddEstimate(
                        Vector256.Load(rows + (8 * v)), Vector256.Create(down[(8 * y) + v]), sum);
                }

                sum.Store(column);
                sum = Vector256.Create(128f);
                for (var u = 0; u < width; u++)
                {
                    sum = Vector256.MultiplyAddEstimate(
                        Vector256.Create(column[u]), Vector256.Load(across + (8 * u)), sum);
                }

                Store(Bytes(sum), samples, width);
            }
        }
    }

    /// <summary>Eight values rounded and clamped to 0..255, the first one lowest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Bytes(Vector256<float> values)
    {
        var clamped = Vector256.Min(Vector256.Max(values, Vector256<float>.Zero), Vector256.Create(255f));
        var whole = Vector256.ConvertToInt32(clamped + Vector256.Create(0.5f));
        var words = Vector128.Narrow(whole.GetLower(), whole.GetUpper());
        return Vector128.Narrow(words.AsUInt16(), words.AsUInt16()).AsUInt64()[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ulong bytes, byte* samples, int width)
    {
        switch (width)
        {
            case 1:
                *samples = (byte)bytes;
                break;
            case 2:
                Unsafe.WriteUnaligned(samples, (ushort)bytes);
                break;
            case 4:
                Unsafe.WriteUnaligned(samples, (uint)bytes);
                break;
            default:
                Unsafe.WriteUnaligned(samples, bytes);
                break;
        }
    }

    /// <summary>
    /// The orthonormal inverse DCT of N points, for coefficients whose scale is that of 8: a constant keeps its value.
    /// </summary>
    private static float[] Weights(int size)
    {
        var weights = new float[8 * size];
        for (var x = 0; x < size; x++)
        {
            for (var u = 0; u < size; u++)
            {
                var scale = (u == 0 ? Math.Sqrt(0.5) : 1) * Math.Sqrt(2.0 / 8);
                weights[(8 * x) + u] = (float)(scale * Math.Cos(((2 * x) + 1) * u * Math.PI / (2 * size)));
            }
        }

        return weights;
    }

    private static float[] Turned(float[] bySample)
    {
        var byFrequency = new float[64];
        for (var i = 0; i < bySample.Length; i++)
        {
            byFrequency[(8 * (i % 8)) + (i / 8)] = bySample[i];
        }

        return byFrequency;
    }
}
