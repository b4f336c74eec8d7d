using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>A positive and a negative of each anchor, each easy, hard or semi-hard, or all of them (Xuan et al. 2020).</summary>
[Named("batchEasyHard")]
internal sealed class BatchEasyHard(BatchEasyHardOptions options) : IMiner
{
    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        TripletMining.BatchEasyHard(distances, all, options.Positive, options.Negative);
}

/// <summary>The settings of <c>batchEasyHard</c>.</summary>
internal sealed class BatchEasyHardOptions : IValidatableObject
{
    /// <summary>Which positive of an anchor.</summary>
    public Hardness Positive { get; set; } = Hardness.Easy;

    /// <summary>Which negative.</summary>
    public Hardness Negative { get; set; } = Hardness.SemiHard;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!TripletMining.Fit(Positive, Negative))
        {
            yield return new ValidationResult(
                "semiHard is relative to one chosen other, so that the other must be easy or hard; change one of positive and negative",
                [nameof(Negative)]);
        }
    }
}
