using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Distances;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>
/// A negative for each positive pair, drawn so that near and far ones are about as likely (Wu et al. 2017, sampling matters). Over
/// Euclidean distances of unit vectors.
/// </summary>
[Named("distanceWeighted")]
internal sealed class DistanceWeighted(DistanceWeightedOptions options) : IMiner
{
    /// <inheritdoc/>
    public Distance? Over { get; } = new Euclidean(new NoOptions());

    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(null, TripletMining.DistanceWeighted(distances, all, options.Cutoff, options.NonZeroLossCutoff, draw));
}

/// <summary>The settings of <c>distanceWeighted</c>.</summary>
internal sealed class DistanceWeightedOptions : IValidatableObject
{
    /// <summary>Nearer negatives are drawn as if they were so far: they would be noise.</summary>
    [Range(0.0, 2.0, MinimumIsExclusive = true)]
    public double Cutoff { get; set; } = 0.5;

    /// <summary>Negatives from here on are not drawn: the loss is 0 there.</summary>
    [Range(0.0, 2.0, MinimumIsExclusive = true)]
    public double NonZeroLossCutoff { get; set; } = 1.4;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Cutoff >= NonZeroLossCutoff)
        {
            yield return new ValidationResult(
                $"is {NonZeroLossCutoff}, must be greater than cutoff ({Cutoff}), else no negative is ever drawn", [nameof(NonZeroLossCutoff)]);
        }
    }
}
