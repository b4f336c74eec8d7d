using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Barlow Twins (Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, algorithm 1): the cross-correlation of the two views'
/// embeddings over the batch shall be the identity.
/// </summary>
[Named("barlowTwins")]
[Paper("Zbontar et al. 2021, self-supervised learning via redundancy reduction", "https://arxiv.org/abs/2103.03230")]
[Views(2)]
internal sealed class BarlowTwins(BarlowTwinsOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [.. batch.Views.Select(encoder.Project)];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (first, second) = (
            Context.Communicator.GatherLearned(embeddings.Learned[0]), Context.Communicator.GatherLearned(embeddings.Learned[1]));
        return options.Scale * Losses.BarlowTwins.Loss(first, second, options.OffDiagonalWeight);
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class BarlowTwinsOptions
{
    /// <summary>lambda, what correlation between different dimensions weighs.</summary>
    [Range(0.0, 1000.0, MinimumIsExclusive = true)]
    public double OffDiagonalWeight { get; set; } = 0.0051;

    /// <summary>Multiplies the loss: solo-learn's runs take 0.1, the authors' code 1 (it was 0.024 once).</summary>
    [Range(0.0, 1000.0, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 1;
}
