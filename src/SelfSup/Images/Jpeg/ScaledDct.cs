namespace SelfSup.Images.Jpeg;

/// <summary>
/// The inverse DCT to fewer samples than coefficients: the lowest N frequencies of a direction make N samples, which is the
/// image shrunk by 8 / N. Each direction has an N of its own, 1, 2, 4 or 8, so that subsampled planes can come out in
/// the size of the others.
/// </summary>
internal static unsafe class ScaledDct
{
    /// <summary>By log2 N: the weights of the frequencies in each sample, [N, 8].</summary>
    private static readonly float[][] _weights = [Weights(1), Weights(2), Weights(4), Weights(8)];

    /// <summary>Makes a block.</summary>
    /// <param name="coefficients">[8, 8] in natural order.</param>
    /// <param name="quantization">The factors of the coefficients, [8, 8] in natural order.</param>
    /// <param name="samples">The first of <paramref name="height"/> x <paramref name="width"/> samples.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="height">N downwards: 1, 2, 4 or 8.</param>
    /// <param name="width">N across: 1, 2, 4 or 8.</param>
    public static void Block(
        short* coefficients, int* quantization, byte* samples, nint stride, int height, int width)
    {
        var down = _weights[System.Numerics.BitOperations.Log2((uint)height)];
        var across = _weights[System.Numerics.BitOperations.Log2((uint)width)];
        var columns = stackalloc float[64]; // [height, width frequencies]
        for (var y = 0; y < height; y++)
        {
            for (var u = 0; u < width; u++)
            {
                float sum = 0;
                for (var v = 0; v < height; v++)
                {
                    sum += down[(8 * y) + v] * (coefficients[(8 * v) + u] * quantization[(8 * v) + u]);
                }

                columns[(8 * y) + u] = sum;
            }
        }

        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                float sum = 128;
                for (var u = 0; u < width; u++)
                {
                    sum += across[(8 * x) + u] * columns[(8 * y) + u];
                }

                samples[(y * stride) + x] = (byte)Math.Clamp(MathF.Round(sum), 0, 255);
            }
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
}
