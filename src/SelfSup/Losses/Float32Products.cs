using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Matrix products of tiles in 512-bit vectors. On AMD's processors libtorch's library for them (MKL) takes vectors of half
/// that length, and is 2.4 times slower on a Zen 5.
/// </summary>
internal static unsafe class Float32Products
{
    /// <summary>Products are made for so many rows at a time.</summary>
    public const int Rows = 8;

    /// <summary>And for so many columns, two vectors.</summary>
    public const int Columns = 2 * Lanes;

    public const int Lanes = 16;

    // So many rows of two vectors stay in the first-level cache while all rows of the result pass by.
    private const long StepsAtOnce = 256;

    /// <summary>Whether embeddings like these are worked on by this class and those that use it.</summary>
    public static bool Suit(Tensor rows) =>
        Avx512F.IsSupported && rows.device_type == DeviceType.CPU && rows.dtype == ScalarType.Float32 && rows.shape[1] % Columns == 0;

    /// <summary>
    /// The rows of a matrix in the order in which <see cref="Logits"/> reads them: 32 at a time, transposed, followed by
    /// rows of zeros up to a multiple of 32, [N / 32, D, 32].
    /// </summary>
    public static Tensor Transposed(Tensor padded) =>
        padded.view(-1, Columns, padded.shape[1]).transpose(1, 2).contiguous();

    /// <summary>The rows of a matrix, followed by rows of zeros up to a multiple.</summary>
    public static Tensor Padded(Tensor rows, long multiple)
    {
        var result = zeros([Block.RoundUp(rows.shape[0], multiple), rows.shape[1]], dtype: rows.dtype);
        result.narrow(0, 0, rows.shape[0]).copy_(rows);
        return result;
    }

    /// <summary>tile = left . right, all products of rows of two matrices.</summary>
    /// <param name="left">[height, width].</param>
    /// <param name="right">A part of <see cref="Transposed"/>.</param>
    /// <param name="tile">[height, columns].</param>
    /// <param name="height">A multiple of 8.</param>
    /// <param name="columns">A multiple of 32.</param>
    /// <param name="width">D.</param>
    public static void Logits(float* left, float* right, float* tile, long height, long columns, long width)
    {
        for (var column = 0L; column < columns; column += Columns)
        {
            for (var row = 0L; row < height; row += Rows)
            {
                Multiply(
                    left + (row * width), (nint)width, 1, right + (column * width), Columns, width,
                    tile + (row * columns) + column, (nint)columns, add: false);
            }
        }
    }

    /// <summary>sum += tile . values.</summary>
    /// <param name="tile">[height, steps], a row <paramref name="stride"/> after the other.</param>
    /// <param name="stride">Numbers from a row of the tile to the next.</param>
    /// <param name="values">[steps, width].</param>
    /// <param name="sum">[height, width].</param>
    /// <param name="height">A multiple of 8.</param>
    /// <param name="steps">Any number.</param>
    /// <param name="width">D, a multiple of 32.</param>
    public static void Add(float* tile, long stride, float* values, float* sum, long height, long steps, long width) =>
        Add(tile, (nint)stride, 1, values, sum, height, steps, width);

    /// <summary>sum += the transpose of tile . values.</summary>
    /// <param name="tile">[steps, height], a row <paramref name="stride"/> after the other.</param>
    /// <inheritdoc cref="Add(float*, long, float*, float*, long, long, long)"/>
    /// <param name="stride">Numbers from a row of the tile to the next.</param>
    /// <param name="values">[steps, width].</param>
    /// <param name="sum">[height, width].</param>
    /// <param name="height">A multiple of 8.</param>
    /// <param name="steps">Any number.</param>
    /// <param name="width">D, a multiple of 32.</param>
    public static void AddTransposed(float* tile, long stride, float* values, float* sum, long height, long steps, long width) =>
        Add(tile, 1, (nint)stride, values, sum, height, steps, width);

    private static void Add(
        float* tile, nint rowStride, nint stepStride, float* values, float* sum, long height, long steps, long width)
    {
        for (var step = 0L; step < steps; step += StepsAtOnce)
        {
            for (var column = 0L; column < width; column += Columns)
            {
                for (var row = 0L; row < height; row += Rows)
                {
                    Multiply(
                        tile + (row * rowStride) + (step * stepStride), rowStride, stepStride,
                        values + (step * width) + column, (nint)width, Math.Min(StepsAtOnce, steps - step),
                        sum + (row * width) + column, (nint)width, add: true);
                }
            }
        }
    }

    /// <summary>An 8 x 32 piece of a product, in 16 registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(
        float* a, nint rowStride, nint stepStride, float* b, nint bStride, long steps, float* c, nint cStride, bool add)
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default, c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default, c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default, c70 = default, c71 = default;
        for (var step = 0L; step < steps; step++)
        {
            var (b0, b1) = (Vector512.Load(b), Vector512.Load(b + Lanes));
            var lower = a + (4 * rowStride);
            var x = Vector512.Create(a[0]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[rowStride]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2 * rowStride]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3 * rowStride]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(lower[0]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(lower[rowStride]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(lower[2 * rowStride]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(lower[3 * rowStride]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
            a += stepStride;
            b += bStride;
        }

        Write(c, c00, c01, add);
        Write(c + cStride, c10, c11, add);
        Write(c + (2 * cStride), c20, c21, add);
        Write(c + (3 * cStride), c30, c31, add);
        Write(c + (4 * cStride), c40, c41, add);
        Write(c + (5 * cStride), c50, c51, add);
        Write(c + (6 * cStride), c60, c61, add);
        Write(c + (7 * cStride), c70, c71, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(float* c, Vector512<float> first, Vector512<float> second, bool add)
    {
        if (add)
        {
            first += Vector512.Load(c);
            second += Vector512.Load(c + Lanes);
        }

        first.Store(c);
        second.Store(c + Lanes);
    }
}
