using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>NT-Xent of labels, with the negatives of an anchor but not its other positives in the denominator; see <see cref="NtXentPairs"/>.</summary>
[Named("ntXent")]
internal sealed class NtXentObjective(NtXentOptions options, ObjectiveContext context) : SimilarityObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(Tensor similarities, PairMasks pairs) => NtXentPairs.Loss(similarities, pairs, options.Temperature);
}

/// <summary>The settings of <c>ntXent</c>.</summary>
internal sealed class NtXentOptions : SimilarityOptions
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.07;
}
