using System.ComponentModel.DataAnnotations;

using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// The predictor of methods that compare a prediction of one view with a constant of the other (Grill et al. 2020,
/// https://arxiv.org/abs/2006.07733, section 3.1): a head from embeddings to embeddings.
/// </summary>
internal static class Predictor
{
    /// <summary>Its name among the parts of an encoder.</summary>
    private const string Name = "predictor";

    /// <summary>An encoder's part.</summary>
    public static EncoderParts Parts(PredictorOptions options) => widths =>
    [
        (Name, new ProjectionHead(
            new HeadOptions
            {
                Layers = options.Layers,
                Hidden = options.Layers == 1 ? null : options.Hidden,
                Output = checked((int)widths.Embedding),
                BatchNorm = options.BatchNorm,
                OutputAffine = options.OutputAffine,
            },
            widths.Embedding)),
    ];

    /// <summary>Unit-length predictions, [N, D], of projections, [N, D].</summary>
    public static Tensor Predict(Encoder encoder, Tensor projections) => Encoder.Unit(encoder.Part(Name).call(projections));
}

/// <summary>The <c>method.predictor</c> section.</summary>
internal sealed class PredictorOptions : IValidatableObject
{
    /// <summary>How many linear layers.</summary>
    [Range(1, 8)]
    public int Layers { get; set; } = 2;

    /// <summary>Width of the hidden layers.</summary>
    [Range(1, 65536)]
    public int Hidden { get; set; } = 4096;

    /// <summary>Where batch normalisation follows a linear layer.</summary>
    public HeadNorm BatchNorm { get; set; } = HeadNorm.Hidden;

    /// <summary>Whether the last batch normalisation learns a scale and a shift.</summary>
    public bool OutputAffine { get; set; } = true;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!OutputAffine && BatchNorm != HeadNorm.All)
        {
            yield return new("has no effect without batchNorm: all; leave it out", [nameof(OutputAffine)]);
        }
    }
}
