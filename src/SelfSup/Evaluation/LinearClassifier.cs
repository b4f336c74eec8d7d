using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>A linear map from features to one logit per class.</summary>
/// <param name="weight">[K, F]; the classifier takes it over.</param>
/// <param name="bias">[K]; -infinity for a class that no training image is of.</param>
internal sealed class LinearClassifier(Tensor weight, Tensor bias) : IDisposable
{
    // Rows of float64 copies and logits made at once.
    private const int TileRows = 8192;

    /// <summary>[K, F].</summary>
    public Tensor Weight { get; } = weight.DetachFromDisposeScope();

    /// <summary>[K].</summary>
    public Tensor Bias { get; } = bias.DetachFromDisposeScope();

    /// <summary>The logits, [N, K], of features [N, F], without a graph.</summary>
    public Tensor Logits(Tensor features)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return addmm(Bias, features.to(Weight.dtype), Weight.t(), 1, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Counts this classifier's predictions of the test images.</summary>
    public ClassificationReport Evaluate(LabelledSplit split, IReadOnlyList<string>? notes = null)
    {
        var tally = new ClassificationTally(split.ClassNames);
        var labels = split.TestLabels.ToArray();
        for (var start = 0; start < labels.Length; start += TileRows)
        {
            using var scope = NewDisposeScope();
            var tile = labels.AsSpan(start, Math.Min(TileRows, labels.Length - start));
            tally.Add(Logits(split.Test.Features.narrow(0, start, tile.Length)), tile);
        }

        return tally.Report([.. split.Notes, .. notes ?? []]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Weight.Dispose();
        Bias.Dispose();
    }
}
