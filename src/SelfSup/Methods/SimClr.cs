using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// SimCLR (Chen et al. 2020, https://arxiv.org/abs/2002.05709, algorithm 1). Version 2 (https://arxiv.org/abs/2006.10029) is
/// the same loss under a deeper head, of which a layer is kept: <c>encoder.head.kept</c>.
/// </summary>
[Named("simclr")]
[Paper("Chen et al. 2020, a simple framework for contrastive learning", "https://arxiv.org/abs/2002.05709")]
[Views(2)]
internal sealed class SimClr(SimClrOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        // Both views go through the network together, as in the authors' code: BatchNorm sees 2N images.
        var views = cat([batch.Views[0], batch.Views[1]]); // [2N, C, H, W]
        return encoder.Embed(views).chunk(2); // twice [N, D]
    }

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var local = cat([embeddings.Learned[0], embeddings.Learned[1]]); // [2N, D]
        return NtXent.Loss(local, Context.Communicator.GatherLearned(local), Context.Communicator.Rank, options.Temperature);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(ViewBatch batch, Embeddings embeddings, double loss) =>
        [("informationBound", InfoNce.Bound(loss, (2L * Context.GlobalBatchSize) - 1))];
}

/// <summary>The <c>method</c> section of a SimCLR recipe.</summary>
internal sealed class SimClrOptions
{
    /// <summary>Divides every similarity; the paper's best on ImageNet is 0.1, on CIFAR-10 0.5.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.1;
}
