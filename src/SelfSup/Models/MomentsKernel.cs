using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>Sums of x - shift and of its square.</summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal readonly unsafe struct MomentsKernel<TStored>(byte* x, float* shift, float* sums, float* squares) : IChannelKernel
    where TStored : IStored
{
    public void Block<T>(nint at, int lane, int rows, nint width)
        where T : unmanaged, IFloats<T>
    {
        var (k0, k1, k2, k3) = PerLane.Four<T>(shift + lane);
        var (s0, s1, s2, s3) = PerLane.Four<T>(sums + lane);
        var (q0, q1, q2, q3) = PerLane.Four<T>(squares + lane);
        for (var row = 0; row < rows; row++, at += width)
        {
            var (x0, x1, x2, x3) = Activations<TStored>.Four<T>(Activations<TStored>.At(x, at));
            var (d0, d1, d2, d3) = (x0 - k0, x1 - k1, x2 - k2, x3 - k3);
            (s0, s1, s2, s3) = (s0 + d0, s1 + d1, s2 + d2, s3 + d3);
            q0 = T.MultiplyAdd(d0, d0, q0);
            q1 = T.MultiplyAdd(d1, d1, q1);
            q2 = T.MultiplyAdd(d2, d2, q2);
            q3 = T.MultiplyAdd(d3, d3, q3);
        }

        PerLane.Keep(sums + lane, s0, s1, s2, s3);
        PerLane.Keep(squares + lane, q0, q1, q2, q3);
    }

    public void One(nint at, int lane)
    {
        var difference = Activations<TStored>.Value(x, at) - shift[lane];
        sums[lane] += difference;
        squares[lane] += difference * difference;
    }
}
