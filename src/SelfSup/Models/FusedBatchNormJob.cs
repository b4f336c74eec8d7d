using SelfSup.Tensors;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>One normalisation of one batch, and the way back through it.</summary>
/// <param name="norm">Its parameters and running statistics.</param>
/// <param name="channels">C.</param>
/// <param name="rectify">Whether a ReLU follows.</param>
/// <param name="exchange">Whom the batch is shared with, or null.</param>
internal sealed unsafe class FusedBatchNormJob(NormBase norm, long channels, bool rectify, IStatisticsExchange? exchange)
{
    private readonly int _channels = (int)channels;
    private ChannelRows _rows;
    private double[] _mean = [];
    private double[] _inverseDeviation = [];
    private double _count; // R, of everyone who shares the batch
    private float[] _wideMean = []; // wide rows from here on
    private float[] _scale = [];
    private float[] _offset = [];

    /// <summary>x [N, C, H, W] or [N, C], channels last, to y of the same shape.</summary>
    public Tensor Forward(Tensor x, Tensor? shortcut)
    {
        using var scope = NewDisposeScope();
        var rows = FusedBatchNorm.Rows(x);
        _rows = new ChannelRows(x.numel() / _channels, _channels);
        var y = empty_like(rows);
        var other = shortcut is null ? null : FusedBatchNorm.Rows(shortcut.to(x.dtype)).contiguous();
        var from = TensorMemory.Address<byte>(rows);
        var beside = other is null ? null : TensorMemory.Address<byte>(other);
        var to = TensorMemory.Address<byte>(y);
        if (x.dtype == ScalarType.BFloat16)
        {
            Forward<StoredBFloat16>(from, beside, to);
        }
        else
        {
            Forward<StoredFloat32>(from, beside, to);
        }

        return (x.dim() == 4 ? y.permute(0, 3, 1, 2) : y).MoveToOuterDisposeScope();
    }

    /// <summary>The gradients of x, weight, bias and shortcut; of what is not there, null.</summary>
    /// <param name="dy">The gradient of y.</param>
    /// <param name="x">What went in.</param>
    /// <param name="y">What came out; null without a shortcut.</param>
    public (Tensor X, Tensor? Weight, Tensor? Bias, Tensor? Shortcut) Backward(Tensor dy, Tensor x, Tensor? y)
    {
        var gradient = FusedBatchNorm.Rows(dy.dtype == x.dtype ? dy : dy.to(x.dtype)).contiguous();
        var rows = FusedBatchNorm.Rows(x);
        var result = y is null ? null : FusedBatchNorm.Rows(y);
        var dx = empty_like(rows);
        var dShortcut = y is null ? null : rectify ? empty_like(rows) : gradient;
        var at = new Addresses(
            (nint)TensorMemory.Address<byte>(gradient),
            (nint)TensorMemory.Address<byte>(rows),
            result is null ? 0 : (nint)TensorMemory.Address<byte>(result),
            dShortcut is null || !rectify ? 0 : (nint)TensorMemory.Address<byte>(dShortcut),
            (nint)TensorMemory.Address<byte>(dx));
        var (sums, products) = x.dtype == ScalarType.BFloat16 ? Backward<StoredBFloat16>(at) : Backward<StoredFloat32>(at);
        Tensor Shaped(Tensor values) => x.dim() == 4 ? values.permute(0, 3, 1, 2) : values;
        return (
            Shaped(dx),
            norm.weight is null ? null : Vector(products, (c, product) => product * _inverseDeviation[c]),
            norm.bias is null ? null : Vector(sums, (_, sum) => sum),
            dShortcut is null ? null : Shaped(dShortcut));
    }

    private void Forward<TStored>(byte* x, byte* shortcut, byte* y)
        where TStored : IStored
    {
        if (norm.training)
        {
            Measure<TStored>(x);
        }
        else
        {
            _mean = [.. Values(norm.running_mean!)];
            _inverseDeviation = [.. Values(norm.running_var!).Select(v => 1 / Math.Sqrt(v + norm.eps))];
        }

        var (weight, bias) = (norm.weight is null ? null : Values(norm.weight), norm.bias is null ? null : Values(norm.bias));
        double[] scale = [.. Enumerable.Range(0, _channels).Select(c => (weight?[c] ?? 1) * _inverseDeviation[c])];
        double[] offset = [.. Enumerable.Range(0, _channels).Select(c => bias?[c] ?? 0.0)];
        (_wideMean, _scale, _offset) = (_rows.Wide(_mean), _rows.Wide(scale), _rows.Wide(offset));
        var (from, beside, to) = ((nint)x, (nint)shortcut, (nint)y);
        ComputeThreads.Run(_rows.Chunks, chunk =>
        {
            fixed (float* m = _wideMean, a = _scale, b = _offset)
            {
                ChannelLoop.Run(
                    _rows, chunk, new NormaliseKernel<TStored>((byte*)from, (byte*)beside, rectify, m, a, b, (byte*)to));
            }
        });
    }

    /// <summary>The statistics of the batch, and the running ones moved towards them.</summary>
    private void Measure<TStored>(byte* x)
        where TStored : IStored
    {
        // Any value near the mean does: without it small variances would drown in the square of the mean.
        var shift = new double[_channels];
        for (var c = 0; c < _channels; c++)
        {
            shift[c] = Activations<TStored>.Value(x, c);
        }

        var wide = _rows.Wide(shift);
        var (sums, squares) = (new float[_rows.Chunks * _rows.Width], new float[_rows.Chunks * _rows.Width]);
        var from = (nint)x;
        ComputeThreads.Run(_rows.Chunks, chunk =>
        {
            fixed (float* k = wide, s = sums, q = squares)
            {
                var own = chunk * _rows.Width;
                ChannelLoop.Run(_rows, chunk, new MomentsKernel<TStored>((byte*)from, k, s + own, q + own));
            }
        });

        var (total, square) = (_rows.Channel(sums), _rows.Channel(squares));
        var local = new double[(2 * _channels) + 1]; // count, means, sums of squared deviations
        local[0] = _rows.Rows;
        for (var c = 0; c < _channels; c++)
        {
            local[1 + c] = shift[c] + (total[c] / _rows.Rows);
            local[1 + _channels + c] = Math.Max(0, square[c] - (total[c] * total[c] / _rows.Rows));
        }

        var whole = exchange is null ? local : Joined(exchange.Gather(local));
        _count = whole[0];
        _mean = whole[1..(1 + _channels)];
        var deviations = whole[(1 + _channels)..];
        _inverseDeviation = [.. deviations.Select(d => 1 / Math.Sqrt((d / _count) + norm.eps))];
        Track(deviations);
    }

    /// <summary>Statistics of parts put together (Chan, Golub and LeVeque 1979).</summary>
    private double[] Joined(IReadOnlyList<double[]> parts)
    {
        var whole = (double[])parts[0].Clone();
        foreach (var part in parts.Skip(1))
        {
            var count = whole[0] + part[0];
            for (var c = 1; c <= _channels; c++)
            {
                var delta = part[c] - whole[c];
                whole[_channels + c] += part[_channels + c] + (delta * delta * whole[0] * part[0] / count);
                whole[c] += delta * part[0] / count;
            }

            whole[0] = count;
        }

        return whole;
    }

    private void Track(double[] deviations)
    {
        var momentum = norm.momentum ?? throw new NotSupportedException("a cumulative average of statistics has no use here");
        var mean = TensorMemory.Address<float>(norm.running_mean!);
        var variance = TensorMemory.Address<float>(norm.running_var!);
        for (var c = 0; c < _channels; c++)
        {
            mean[c] += (float)(momentum * (_mean[c] - mean[c]));
            variance[c] += (float)(momentum * ((deviations[c] / Math.Max(1, _count - 1)) - variance[c]));
        }

        using var _ = no_grad();
        norm.num_batches_tracked!.add_(1);
    }

    private (double[] Sums, double[] Products) Backward<TStored>(Addresses at)
        where TStored : IStored
    {
        var (sums, products) = (new float[_rows.Chunks * _rows.Width], new float[_rows.Chunks * _rows.Width]);
        ComputeThreads.Run(_rows.Chunks, chunk =>
        {
            fixed (float* m = _wideMean, a = _scale, b = _offset, s = sums, p = products)
            {
                var own = chunk * _rows.Width;
                var masked = at.Masked<TStored>(rectify, m, a, b);
                ChannelLoop.Run(
                    _rows, chunk, new GradientSumsKernel<TStored>(masked, (byte*)at.X, m, (byte*)at.Shortcut, s + own, p + own));
            }
        });

        var (sum, product) = (_rows.Channel(sums), _rows.Channel(products));
        var (ownSum, ownProduct) = (sum, product);
        if (exchange is not null)
        {
            var parts = exchange.Gather([.. sum, .. product]);
            sum = [.. Enumerable.Range(0, _channels).Select(c => parts.Sum(part => part[c]))];
            product = [.. Enumerable.Range(0, _channels).Select(c => parts.Sum(part => part[_channels + c]))];
        }

        var (slope, constant) = (new double[_channels], new double[_channels]);
        for (var c = 0; c < _channels; c++)
        {
            var deviation = _inverseDeviation[c];
            slope[c] = -_scale[c] * deviation * deviation * product[c] / _count;
            constant[c] = -_scale[c] * sum[c] / _count;
        }

        var (k, d) = (_rows.Wide(slope), _rows.Wide(constant));
        ComputeThreads.Run(_rows.Chunks, chunk =>
        {
            fixed (float* m = _wideMean, a = _scale, b = _offset, slopes = k, constants = d)
            {
                var masked = at.Masked<TStored>(rectify, m, a, b);
                ChannelLoop.Run(_rows, chunk, new GradientKernel<TStored>(
                    masked, (byte*)at.X, m, a, (byte*)at.Shortcut, slopes, constants, (byte*)at.Dx));
            }
        });
        return (ownSum, ownProduct);
    }

    private static Tensor Vector(double[] values, Func<int, double, double> make) =>
        tensor(values.Select((value, c) => (float)make(c, value)).ToArray());

    private static float[] Values(Tensor vector) => vector.detach().data<float>().ToArray();

    private readonly record struct Addresses(nint Dy, nint X, nint Y, nint Shortcut, nint Dx)
    {
        public MaskedGradient<TStored> Masked<TStored>(bool rectified, float* mean, float* scale, float* offset)
            where TStored : IStored => new((byte*)Dy, (byte*)X, (byte*)Y, rectified, mean, scale, offset);
    }
}
