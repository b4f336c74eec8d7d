using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// |L (x - y)| with a learned factor L [rank, D] of the positive semi-definite matrix L'L (Weinberger and Saul 2009,
/// https://jmlr.org/papers/v10/weinberger09a.html, section 2.2): it begins as the identity, or as the first coordinates where its rank
/// is lower, and learns with the encoder. A pseudo-metric where the rank is below D.
/// </summary>
[Named("mahalanobis")]
internal sealed class Mahalanobis(MahalanobisOptions options) : Distance
{
    private const string Part = "metric";

    /// <inheritdoc/>
    public override EncoderParts Parts => widths => [(Part, NewFactor(widths.Embedding))];

    /// <summary>L of an encoder, [rank, D].</summary>
    public static Tensor Factor(Encoder encoder) => encoder.Part<Linear>(Part).weight!;

    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => MahalanobisFactor.Matrix(x, y, Factor(Known(encoder)));

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => MahalanobisFactor.Rows(x, y, Factor(Known(encoder)));

    private static Encoder Known(Encoder? encoder) =>
        encoder ?? throw new ArgumentNullException(nameof(encoder), "mahalanobis learns a factor, which is a part of the encoder");

    private Linear NewFactor(long width)
    {
        var rank = options.Rank ?? width;
        if (rank > width)
        {
            throw new RecipeException(
                $"method.loss.distance.rank: is {rank}, must be at most {width}, the width of the embeddings (encoder.head.output)");
        }

        var factor = nn.Linear(width, rank, hasBias: false);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        factor.weight!.copy_(eye(rank, width));
        return factor;
    }
}

/// <summary>The settings of <c>mahalanobis</c>.</summary>
internal sealed class MahalanobisOptions
{
    /// <summary>The rank of the learned matrix; by default the width of the embeddings.</summary>
    [Range(1, 1 << 20)]
    public int? Rank { get; set; }
}
