using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Diagnostics;

/// <summary>How many values lie in each of some buckets of equal width.</summary>
/// <param name="Least">The least value: the left edge of the first bucket.</param>
/// <param name="Most">The largest value: the right edge of the last.</param>
/// <param name="Counts">How many are in each bucket.</param>
internal sealed record Histogram(double Least, double Most, double[] Counts)
{
    private const int Buckets = 30; // as TensorBoard's own

    /// <summary>Counts the values of a tensor of any shape; null where there are none, or one is no finite number.</summary>
    public static Histogram? Of(Tensor values)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (values.numel() == 0)
        {
            return null;
        }

        var all = values.detach().to(float64).flatten();
        var (least, most) = (all.min().ToDouble(), all.max().ToDouble());
        if (!double.IsFinite(least) || !double.IsFinite(most))
        {
            return null;
        }

        // Of values that are all alike, the last bucket has all: an edge counts with its right side, and what lies on the last with it.
        return most > least
            ? new Histogram(least, most, [.. ((all - least) * (Buckets / (most - least))).floor().clamp(0, Buckets - 1)
                .to(int64).bincount(null, Buckets).cpu().data<long>().Select(count => (double)count)])
            : new Histogram(least, most, [.. Enumerable.Repeat(0.0, Buckets - 1), all.numel()]);
    }
}

/// <summary>How the numbers spread that <see cref="EmbeddingReport"/> has the means of.</summary>
internal static class EmbeddingHistograms
{
    /// <summary>
    /// Of up to 1,024 evenly spaced rows: their lengths; their coordinates, made unit length first; cosines of the views of an image, and
    /// of view 1 of an image with view 2 of others, with labels of another class.
    /// </summary>
    /// <inheritdoc cref="EmbeddingReport.Of"/>
    public static IReadOnlyDictionary<string, Histogram> Of(Tensor first, Tensor second, Tensor? classes = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (x, y) = (EmbeddingReport.Sample(first), EmbeddingReport.Sample(second));
        var similarities = x.mm(y.t());
        var others = eye(x.shape[0], dtype: @bool, device: x.device).logical_not();
        if (classes is not null)
        {
            var some = EmbeddingReport.Some(classes);
            others &= ((some.unsqueeze(1) == some.unsqueeze(0)) & (some >= 0).unsqueeze(1)).logical_not();
        }

        return new Dictionary<string, Histogram?>
        {
            ["norm"] = Histogram.Of(linalg.vector_norm(EmbeddingReport.Some(first).to(float32), 2, [1L])),
            ["coordinate"] = Histogram.Of(x),
            ["positiveSimilarity"] = Histogram.Of(similarities.diagonal()),
            ["negativeSimilarity"] = Histogram.Of(similarities.masked_select(others)),
        }.Where(histogram => histogram.Value is not null).ToDictionary(histogram => histogram.Key, histogram => histogram.Value!);
    }
}
