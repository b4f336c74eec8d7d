using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// RankNet (Burges et al. 2005, https://doi.org/10.1145/1102351.1102363) over an anchor's candidates. With triplets, sigma 1 and the
/// inner product it is Bayesian personalised ranking (Rendle et al. 2009, https://arxiv.org/abs/1205.2618, without its prior).
/// </summary>
[Named("rankNet")]
internal sealed class TupleRankNet(TupleRankNetOptions options, ObjectiveContext context) : TupleRanking(options, context)
{
    /// <inheritdoc/>
    /// <remarks>The mean over all pairs of candidates of one anchor, of all anchors, whose scores differ.</remarks>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var (higher, lower) = Ordered(batch, encoder);
        return (higher.shape[0] == 0 ? batch.Anchors.sum() * 0 : RankNet.OrderedLoss(higher, lower, options.Sigma)).MoveToOuterDisposeScope();
    }
}

/// <summary>The settings of <c>rankNet</c>.</summary>
internal sealed class TupleRankNetOptions : TupleRankingOptions
{
    /// <summary>Times every difference of nearness.</summary>
    [Range(0.0, 1e6, MinimumIsExclusive = true)]
    public double Sigma { get; set; } = 1;
}
