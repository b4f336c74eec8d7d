using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Supervised contrastive learning (Khosla et al. 2020, https://arxiv.org/abs/2004.11362, eq. 2): all views of all images of
/// a class are positives of each other.
/// </summary>
[Named("supcon")]
[Paper("Khosla et al. 2020, supervised contrastive learning", "https://arxiv.org/abs/2004.11362")]
[Views(0, More = nameof(SupervisedContrastiveOptions.Views))]
internal sealed class SupervisedContrastive(SupervisedContrastiveOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => options.Views;

    /// <inheritdoc/>
    public override bool NeedsLabels => true;

    /// <inheritdoc/>
    public override double LeastEffectiveRank => Context.Classes == 2 ? 0 : base.LeastEffectiveRank;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        encoder.Embed(cat([.. batch.Views])).chunk(Views); // V times [N, D]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var local = cat([.. embeddings.Learned]); // [V * N, D]
        var labels = Context.Communicator.AllGather(batch.Labels.repeat(Views));
        return SupCon.Loss(local, Context.Communicator.GatherLearned(local), labels, Context.Communicator.Rank, options.Temperature);
    }

    /// <inheritdoc/>
    public override Tensor ClassesOf(ViewBatch batch) => batch.Labels;
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class SupervisedContrastiveOptions
{
    /// <summary>Divides every similarity.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;

    /// <summary>V, views of each image; the paper takes 2.</summary>
    [Range(2, 16)]
    public int Views { get; set; } = 2;
}
