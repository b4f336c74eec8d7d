using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace SelfSup.Losses;

/// <summary>
/// What happens to a tile of logits once it is made, one pass each in 512-bit vectors. Sums are float32 over at most
/// <see cref="RowsAtOnce"/> numbers and float64 beyond. Heights and widths of tiles are multiples of 8 and 32.
/// </summary>
internal static unsafe class Float32Exponentials
{
    private const int Lanes = Float32Products.Lanes;
    private const long RowsAtOnce = 32;

    /// <summary>Adds the exponentials of every row to a sum, and those of every column where they are asked for.</summary>
    /// <param name="tile">[height, width].</param>
    /// <param name="height">Of the tile.</param>
    /// <param name="width">Of the tile.</param>
    /// <param name="ofRows">[height].</param>
    /// <param name="ofColumns">[width], or null.</param>
    /// <param name="memory">[width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sum(float* tile, long height, long width, double* ofRows, double* ofColumns, float* memory)
    {
        for (var first = 0L; first < height; first += RowsAtOnce)
        {
            new Span<float>(memory, (int)width).Clear();
            for (var row = first; row < Math.Min(height, first + RowsAtOnce); row++)
            {
                var logits = tile + (row * width);
                var sum = Vector512<float>.Zero;
                for (var column = 0L; column < width; column += Lanes)
                {
                    var exponential = Exp(Vector512.Load(logits + column));
                    sum += exponential;
                    (Vector512.Load(memory + column) + exponential).Store(memory + column);
                }

                ofRows[row] += Vector512.Sum(Doubles(sum));
            }

            if (ofColumns is not null)
            {
                AddTo(ofColumns, memory, width);
            }
        }
    }

    /// <summary>Replaces every logit by its exponential times the sum of its row's and its column's weight.</summary>
    /// <param name="tile">[height, width].</param>
    /// <param name="height">Of the tile.</param>
    /// <param name="width">Of the tile.</param>
    /// <param name="ofRows">[height].</param>
    /// <param name="ofColumns">[width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(float* tile, long height, long width, float* ofRows, float* ofColumns)
    {
        for (var row = 0L; row < height; row++)
        {
            var logits = tile + (row * width);
            var weight = Vector512.Create(ofRows[row]);
            for (var column = 0L; column < width; column += Lanes)
            {
                var exponential = Exp(Vector512.Load(logits + column));
                (exponential * (weight + Vector512.Load(ofColumns + column))).Store(logits + column);
            }
        }
    }

    /// <summary>Brings the running maximum and sum of every column up to date, for a log-sum-exp over the rows of tiles.</summary>
    /// <param name="tile">[height, width]; is used up.</param>
    /// <param name="height">Of the tile.</param>
    /// <param name="width">Of the tile.</param>
    /// <param name="maxima">The largest logit so far, [width], finite.</param>
    /// <param name="sums">The sum of exponentials of what logits are below it, [width].</param>
    /// <param name="memory">[width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumBelowMaximum(float* tile, long height, long width, float* maxima, double* sums, float* memory)
    {
        new Span<float>(maxima, (int)width).CopyTo(new Span<float>(memory, (int)width));
        for (var row = 0L; row < height; row++)
        {
            for (var column = 0L; column < width; column += Lanes)
            {
                Vector512.Max(Vector512.Load(maxima + column), Vector512.Load(tile + (row * width) + column)).Store(maxima + column);
            }
        }

        for (var column = 0L; column < width; column++)
        {
            sums[column] *= Math.Exp((double)memory[column] - maxima[column]);
        }

        for (var first = 0L; first < height; first += RowsAtOnce)
        {
            new Span<float>(memory, (int)width).Clear();
            for (var row = first; row < Math.Min(height, first + RowsAtOnce); row++)
            {
                for (var column = 0L; column < width; column += Lanes)
                {
                    var below = Vector512.Load(tile + (row * width) + column) - Vector512.Load(maxima + column);
                    (Vector512.Load(memory + column) + Exp(below)).Store(memory + column);
                }
            }

            AddTo(sums, memory, width);
        }
    }

    /// <summary>Replaces every logit by the exponential of what it is above its column's shift.</summary>
    /// <param name="tile">[height, width].</param>
    /// <param name="height">Of the tile.</param>
    /// <param name="width">Of the tile.</param>
    /// <param name="shift">[width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Above(float* tile, long height, long width, float* shift)
    {
        for (var row = 0L; row < height; row++)
        {
            var logits = tile + (row * width);
            for (var column = 0L; column < width; column += Lanes)
            {
                Exp(Vector512.Load(logits + column) - Vector512.Load(shift + column)).Store(logits + column);
            }
        }
    }

    /// <summary>
    /// exp(x) to about one unit in the last place: 2^n exp(r) with the r nearest to 0, and exp(r) by its series, adjusted to
    /// the interval (the coefficients of Cephes' expf). Exactly 0 for minus infinity; not a number stays it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Exp(Vector512<float> x)
    {
        // Of two operands of which one is not a number the machine's maximum is the second.
        x = Avx512F.Max(Vector512.Create(-120f), x);
        var n = Avx512F.RoundScale(x * Vector512.Create(1.44269504f), 0); // to the nearest whole number
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var series = Vector512.Create(1.9875691500e-4f);
        series = Vector512.FusedMultiplyAdd(series, r, Vector512.Create(1.3981999507e-3f));
        series = Vector512.FusedMultiplyAdd(series, r, Vector512.Create(8.3334519073e-3f));
        series = Vector512.FusedMultiplyAdd(series, r, Vector512.Create(4.1665795894e-2f));
        series = Vector512.FusedMultiplyAdd(series, r, Vector512.Create(1.6666665459e-1f));
        series = Vector512.FusedMultiplyAdd(series, r, Vector512.Create(5.0000001201e-1f));
        series = Vector512.FusedMultiplyAdd(series, r * r, r + Vector512<float>.One);
        return Avx512F.Scale(series, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Doubles(Vector512<float> x)
    {
        var (lower, upper) = Vector512.Widen(x);
        return lower + upper;
    }

    private static void AddTo(double* sums, float* values, long count)
    {
        for (var i = 0L; i < count; i += Lanes)
        {
            var (lower, upper) = Vector512.Widen(Vector512.Load(values + i));
            (Vector512.Load(sums + i) + lower).Store(sums + i);
            (Vector512.Load(sums + i + (Lanes / 2)) + upper).Store(sums + i + (Lanes / 2));
        }
    }
}
