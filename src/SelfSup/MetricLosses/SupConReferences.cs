using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary><see cref="SupCon"/> of anchors with references that are not the batch, such as a memory.</summary>
public static class SupConReferences
{
    /// <summary>The mean loss over the anchors that have a positive, or those of them whose loss is not 0; 0 if there are none.</summary>
    /// <param name="anchors">Of unit length, [N, D].</param>
    /// <param name="labels">Their classes, int64 [N].</param>
    /// <param name="references">Of unit length, [M, D].</param>
    /// <param name="referenceLabels">Their classes, int64 [M].</param>
    /// <param name="firstSelf">The place of the first anchor among the references, the others follow it; null where they are not there.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <param name="averaging">Over which anchors with a positive.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(
        Tensor anchors,
        Tensor labels,
        Tensor references,
        Tensor referenceLabels,
        long? firstSelf,
        double temperature,
        Averaging averaging = Averaging.All)
    {
        using var scope = NewDisposeScope();
        var rows = anchors.shape[0];
        var denominator = SimilarityLogSumExp.Of(
            anchors, references, temperature, firstSelf is { } first ? [new ExcludedPairs(0, first, rows)] : []);

        // An anchor's similarities to its positives add up to its product with their sum, which is its class's less itself.
        var (names, classOf, _) = cat([labels, referenceLabels]).unique(return_inverse: true);
        var (ofAnchors, ofReferences) = (classOf!.narrow(0, 0, rows), classOf.narrow(0, rows, references.shape[0]));
        var sums = zeros([names.shape[0], references.shape[1]], dtype: references.dtype, device: references.device)
            .index_add(0, ofReferences, references, 1).index_select(0, ofAnchors);
        var counts = zeros_like(names).index_add(0, ofReferences, ones_like(ofReferences), 1).index_select(0, ofAnchors);
        if (firstSelf is { } self)
        {
            (sums, counts) = (sums - references.narrow(0, self, rows), counts - 1);
        }

        var positives = counts.to(anchors.dtype).clamp_min(1);
        var losses = denominator - ((anchors * sums).sum(dim: 1) / temperature / positives);
        return Mean.Of(losses, counts > 0, averaging).MoveToOuterDisposeScope();
    }
}
