using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Decoupled contrastive learning (Yeh et al. 2022, https://arxiv.org/abs/2110.06848): SimCLR whose denominator does not hold
/// the positive, so that small batches learn as well; DCL, and DCLW where positives are weighted.
/// </summary>
[Named("dcl")]
[Paper("Yeh et al. 2022, decoupled contrastive learning", "https://arxiv.org/abs/2110.06848")]
[Views(2)]
internal sealed class DecoupledContrastive(DecoupledContrastiveOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        encoder.Embed(cat([batch.Views[0], batch.Views[1]])).chunk(2); // twice [N, D]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var local = cat([embeddings.Learned[0], embeddings.Learned[1]]); // [2N, D]
        var (all, rank) = (Context.Communicator.GatherLearned(local), Context.Communicator.Rank);
        return options.Sigma is { } sigma
            ? Dcl.WeightedLoss(local, all, rank, options.Temperature, sigma) // eq. 6
            : Dcl.Loss(local, all, rank, options.Temperature); // eq. 5
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class DecoupledContrastiveOptions
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>
    /// Set for DCLW: positives that are far apart weigh more, by a von Mises-Fisher weight of this concentration; the paper
    /// takes 0.5. Without it the loss is DCL.
    /// </summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double? Sigma { get; set; }
}
