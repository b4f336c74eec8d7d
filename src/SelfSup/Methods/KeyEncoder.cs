using SelfSup.Checkpoints;
using SelfSup.Models;

namespace SelfSup.Methods;

/// <summary>
/// A second encoder that does not learn but follows the one that does: MoCo's key encoder (He et al. 2020,
/// https://arxiv.org/abs/1911.05722, eq. 2), BYOL's target, DINO's teacher. Its statistics of BatchNorm are its own.
/// </summary>
public sealed class KeyEncoder : IStateful, IDisposable
{
    /// <summary>A key encoder that equals the encoder that learns.</summary>
    /// <param name="context">Builds it: at first it equals the encoder that learns.</param>
    /// <param name="parts">What it has beside backbone and head, or null.</param>
    public KeyEncoder(MethodContext context, EncoderParts? parts = null)
    {
        Encoder = context.NewEncoder(parts);
        Encoder.Freeze();
    }

    /// <summary>The encoder itself.</summary>
    public Encoder Encoder { get; }

    /// <summary>key = m key + (1 - m) query; what the query encoder has more, such as a predictor, is left out.</summary>
    /// <param name="query">The encoder that learns.</param>
    /// <param name="momentum">m.</param>
    public void Follow(Encoder query, double momentum) => Encoder.Parameters.MoveTowards(query.Parameters, 1 - momentum);

    /// <summary>Bytes of a key encoder of so many parameters: values, and no gradients.</summary>
    public static long Bytes(long parameters) => parameters * sizeof(float);

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => Encoder.Exchange(archive);

    /// <inheritdoc/>
    public void Dispose() => Encoder.Dispose();
}
