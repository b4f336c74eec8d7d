using static TorchSharp.torch;

namespace SelfSup.Reports;

/// <summary>
/// The directions in which points differ most, and the points along them. A direction points to where its largest entry is positive,
/// so that the same points give the same map everywhere.
/// </summary>
/// <param name="Coordinates">[M][K]: each point along the K directions, the one of the largest variance first.</param>
/// <param name="Shares">The share of all variance that each direction has, 0 .. 1; zeros where all points are the same.</param>
internal sealed record PrincipalComponents(float[][] Coordinates, double[] Shares)
{
    /// <summary>Finds them by a singular value decomposition in float64.</summary>
    /// <param name="points">[M, F]; borrowed.</param>
    /// <param name="most">K; less where there are fewer points or dimensions.</param>
    public static PrincipalComponents Of(Tensor points, int most)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var values = points.to(float64);
        var centred = values - values.mean([0], keepdim: true);
        var count = (int)Math.Min(most, Math.Min(points.shape[0], points.shape[1]));
        var (_, lengths, directions) = linalg.svd(centred, fullMatrices: false);
        directions = directions.narrow(0, 0, count); // [K, F]
        var largest = directions.abs().argmax(1, keepdim: true);
        directions = directions * directions.gather(1, largest).sign();
        var variances = lengths.square();
        var all = variances.sum();
        var shares = all.item<double>() > 0 ? variances.narrow(0, 0, count) / all : zeros(count, float64);
        var flat = centred.matmul(directions.t()).to(float32).contiguous().data<float>().ToArray();
        return new PrincipalComponents([.. flat.Chunk(count)], [.. shares.contiguous().data<double>()]);
    }
}
