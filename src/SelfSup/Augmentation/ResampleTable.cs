namespace SelfSup.Augmentation;

/// <summary>
/// How one axis is resampled: which input samples each output sample is a weighted sum of. The two conventions are
/// those of PyTorch: with antialiasing the filter is stretched by the scale when shrinking and cubic convolution has
/// a = -0.5 (as in Pillow); without it the filter keeps its width, positions follow <c>align_corners=False</c>, samples
/// beyond the edge repeat the edge, and cubic convolution has a = -0.75. The arrays are reused by the next build.
/// </summary>
internal sealed class ResampleTable
{
    private int[] _starts = [];
    private int[] _counts = [];
    private float[] _weights = [];
    private int _stride;

    /// <summary>Length of the axis that is read.</summary>
    public int Input { get; private set; }

    /// <summary>Length of the axis that is made.</summary>
    public int Output { get; private set; }

    public Interpolation Interpolation { get; private set; }

    public bool Antialias { get; private set; }

    /// <summary>The first input sample of an output sample.</summary>
    public int Start(int output) => _starts[output];

    /// <summary>The weights of the input samples from <see cref="Start"/> on. They sum to 1.</summary>
    public ReadOnlySpan<float> Weights(int output) => _weights.AsSpan(output * _stride, _counts[output]);

    public bool Fits(int input, int output, Interpolation interpolation, bool antialias) =>
        Input == input && Output == output && Interpolation == interpolation && Antialias == antialias;

    public void Build(int input, int output, Interpolation interpolation, bool antialias)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(input);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(output);
        (Input, Output, Interpolation, Antialias) = (input, output, interpolation, antialias);

        var scale = (double)input / output;
        var stretch = antialias ? Math.Max(scale, 1) : 1;
        var support = (interpolation == Interpolation.Bilinear ? 1 : 2) * stretch;
        Reserve(output, (2 * (int)Math.Ceiling(support)) + 1);
        double[]? rented = null;
        var sums = _stride <= 256 ? stackalloc double[_stride] : rented = new double[_stride];
        for (var i = 0; i < output; i++)
        {
            sums.Clear();
            var (start, count) = antialias
                ? Stretched((i + 0.5) * scale, support, stretch, (0, Input), sums)
                : Narrow(((i + 0.5) * scale) - 0.5, sums);
            Store(i, start, sums[..count]);
        }
    }

    /// <summary>
    /// Makes the same view of a source of half the resolution: the weights of another table, moved on to the samples from
    /// which libjpeg interpolates its positions ("fancy" upsampling: 3/4 of the nearer and 1/4 of the farther sample).
    /// Starts are positions of the source.
    /// </summary>
    /// <param name="full">The table at full resolution.</param>
    /// <param name="origin">Where that table's first position lies, at full resolution.</param>
    /// <param name="length">Samples of the source.</param>
    /// <param name="interpolated">False where the nearer sample is repeated instead.</param>
    public void BuildHalved(ResampleTable full, int origin, int length, bool interpolated)
    {
        (Input, Output, Interpolation, Antialias) = (length, full.Output, full.Interpolation, full.Antialias);
        Reserve(Output, (full._stride / 2) + 4);
        double[]? rented = null;
        var sums = _stride <= 256 ? stackalloc double[_stride] : rented = new double[_stride];
        for (var i = 0; i < Output; i++)
        {
            var weights = full.Weights(i);
            var begin = origin + full.Start(i);
            var start = Math.Max(0, (begin >> 1) - 1);
            var end = Math.Min(length - 1, ((begin + weights.Length - 1) >> 1) + 1);
            sums.Clear();
            for (var k = 0; k < weights.Length; k++)
            {
                var near = (begin + k) >> 1;
                var far = !interpolated ? near : Math.Clamp(((begin + k) & 1) == 0 ? near - 1 : near + 1, 0, length - 1);
                sums[near - start] += 0.75 * weights[k];
                sums[far - start] += 0.25 * weights[k];
            }

            Store(i, start, sums[..(end - start + 1)]);
        }
    }

    /// <summary>
    /// Makes the same view of a source that is some times smaller, with antialiasing. Starts are positions of the source.
    /// </summary>
    /// <param name="start">Where the part of the source begins, in its samples.</param>
    /// <param name="length">How long the part is, in samples of the source.</param>
    /// <param name="source">Samples of the source.</param>
    /// <param name="output">Length of the axis that is made.</param>
    /// <param name="interpolation">The filter.</param>
    public void BuildShrunk(double start, double length, int source, int output, Interpolation interpolation)
    {
        (Input, Output, Interpolation, Antialias) = (source, output, interpolation, true);
        var scale = length / output;
        var stretch = Math.Max(scale, 1);
        var support = (interpolation == Interpolation.Bilinear ? 1 : 2) * stretch;
        Reserve(output, (2 * (int)Math.Ceiling(support)) + 1);
        double[]? rented = null;
        var sums = _stride <= 256 ? stackalloc double[_stride] : rented = new double[_stride];
        var limits = ((int)Math.Floor(start), Math.Min(source, (int)Math.Ceiling(start + length)));
        for (var i = 0; i < output; i++)
        {
            sums.Clear();
            var (first, count) = Stretched(start + ((i + 0.5) * scale), support, stretch, limits, sums);
            Store(i, first, sums[..count]);
        }
    }

    private void Reserve(int output, int stride)
    {
        _stride = stride;
        if (_starts.Length < output)
        {
            (_starts, _counts) = (new int[output], new int[output]);
        }

        if (_weights.Length < output * stride)
        {
            _weights = new float[output * stride];
        }
    }

    /// <summary>The samples whose centres lie within the support around a position; none beyond the limits.</summary>
    private (int Start, int Count) Stretched(
        double centre, double support, double stretch, (int Low, int High) limits, Span<double> sums)
    {
        var start = Math.Max(limits.Low, (int)(centre - support + 0.5));
        var end = Math.Min(limits.High, (int)(centre + support + 0.5));
        for (var k = start; k < end; k++)
        {
            var distance = Math.Abs((k - centre + 0.5) / stretch);
            sums[k - start] = Interpolation == Interpolation.Bilinear
                ? Math.Max(0, 1 - distance)
                : Cubic(distance, -0.5);
        }

        return (start, end - start);
    }

    /// <summary>The two or four samples around a position; 0 is the centre of the first sample.</summary>
    private (int Start, int Count) Narrow(double position, Span<double> sums)
    {
        var reach = 2;
        if (Interpolation == Interpolation.Bilinear)
        {
            position = Math.Max(0, position);
            reach = 1;
        }

        var below = (int)Math.Floor(position);
        var start = Math.Clamp(below + 1 - reach, 0, Input - 1);
        var end = start;
        for (var k = below + 1 - reach; k <= below + reach; k++)
        {
            var distance = Math.Abs(k - position);
            var sample = Math.Clamp(k, 0, Input - 1);
            sums[sample - start] += reach == 1 ? Math.Max(0, 1 - distance) : Cubic(distance, -0.75);
            end = sample + 1;
        }

        return (start, end - start);
    }

    private void Store(int output, int start, ReadOnlySpan<double> sums)
    {
        double total = 0;
        foreach (var sum in sums)
        {
            total += sum;
        }

        // Samples without weight at the ends are common (a copy at scale 1 has one) and cost a full pass.
        var (first, last) = (0, sums.Length - 1);
        while (first < last && sums[first] == 0)
        {
            first++;
        }

        while (last > first && sums[last] == 0)
        {
            last--;
        }

        (_starts[output], _counts[output]) = (start + first, last - first + 1);
        for (var k = first; k <= last; k++)
        {
            _weights[(output * _stride) + k - first] = (float)(sums[k] / total);
        }
    }

    private static double Cubic(double distance, double a) => distance switch
    {
        < 1 => ((((a + 2) * distance) - (a + 3)) * distance * distance) + 1,
        < 2 => ((((distance - 5) * distance) + 8) * distance - 4) * a,
        _ => 0,
    };
}
