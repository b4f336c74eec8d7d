using System.Runtime.Intrinsics.X86;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// Features to search, and what turns products with them into similarities: product * scale + shift. The features are not
/// copied.
/// </summary>
internal sealed class SearchBank : IDisposable
{
    private const long RowsAtOnce = 1 << 14;

    /// <param name="rows">[M, F], float32 or float64 on the CPU; borrowed.</param>
    /// <param name="distance">What near means.</param>
    /// <param name="tileRows">How many rows are compared at once.</param>
    public SearchBank(Tensor rows, FeatureDistance distance, long tileRows)
    {
        if (rows.device_type != DeviceType.CPU || rows.dtype is not (ScalarType.Float32 or ScalarType.Float64))
        {
            throw new ArgumentException($"rows are {rows.dtype} on {rows.device}, must be float32 or float64 on the CPU", nameof(rows));
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        (Rows, TileRows) = (rows, Math.Min(tileRows, rows.shape[0]));
        Bytes = (int)rows.element_size();
        // Products of features far from the origin would lose what tells them apart: they are taken from the middle.
        Middle = distance == FeatureDistance.Euclidean
            ? Mean(rows).to(rows.dtype).DetachFromDisposeScope()
            : null;
        Scales = ones(rows.shape[0], dtype: rows.dtype).DetachFromDisposeScope();
        Shifts = zeros(rows.shape[0], dtype: rows.dtype).DetachFromDisposeScope();
        for (var first = 0L; first < rows.shape[0]; first += RowsAtOnce)
        {
            using var tile = NewDisposeScope();
            var some = rows.narrow(0, first, Math.Min(RowsAtOnce, rows.shape[0] - first));
            if (Middle is null)
            {
                Scales.narrow(0, first, some.shape[0]).copy_(some.norm(1, false, 2).clamp_min(1e-12).reciprocal_());
            }
            else
            {
                Shifts.narrow(0, first, some.shape[0]).copy_((some - Middle).square().sum(1).mul_(-0.5));
            }
        }
    }

    /// <summary>[M, F].</summary>
    public Tensor Rows { get; }

    /// <summary>M.</summary>
    public long Count => Rows.shape[0];

    /// <summary>What rows and queries are measured from, [F]; null for the origin.</summary>
    public Tensor? Middle { get; }

    /// <summary>[M].</summary>
    public Tensor Scales { get; }

    /// <summary>[M].</summary>
    public Tensor Shifts { get; }

    /// <summary>How many rows are compared at once.</summary>
    public long TileRows { get; }

    /// <summary>Of a number: 4 or 8.</summary>
    public int Bytes { get; }

    /// <summary>Whether our own products are used, which are faster than libtorch's on some processors.</summary>
    public bool UsesVectors => Bytes == sizeof(float) && Avx512F.IsSupported;

    /// <summary>The mean of rows, [F] float64, without a copy of them.</summary>
    public static Tensor Mean(Tensor rows)
    {
        using var scope = NewDisposeScope();
        var sum = zeros(rows.shape[1], dtype: float64);
        for (var first = 0L; first < rows.shape[0]; first += RowsAtOnce)
        {
            using var tile = NewDisposeScope();
            sum.add_(rows.narrow(0, first, Math.Min(RowsAtOnce, rows.shape[0] - first)).sum(dim: 0, type: float64));
        }

        return sum.div_(rows.shape[0]).MoveToOuterDisposeScope();
    }

    /// <summary>Queries as the products want them, [Q, F]: of unit length, or measured from the middle.</summary>
    public Tensor Prepare(Tensor queries)
    {
        using var scope = NewDisposeScope();
        return (Middle is null
            ? queries / queries.norm(1, true, 2).clamp_min(1e-12)
            : queries - Middle).MoveToOuterDisposeScope();
    }

    /// <summary>The squared lengths of prepared queries, by which similarities become distances; NaN where they stay as they are.</summary>
    public double[] SquaredLengths(Tensor prepared)
    {
        using var scope = NewDisposeScope();
        return Middle is null
            ? [.. Enumerable.Repeat(double.NaN, (int)prepared.shape[0])]
            : prepared.to(float64).square().sum(1).data<double>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Middle?.Dispose();
        Scales.Dispose();
        Shifts.Dispose();
    }
}
