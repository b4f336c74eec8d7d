using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Proxy-Anchor (Kim et al. 2020, https://arxiv.org/abs/2003.13911, eq. 4): a learned proxy a class is the anchor, the batch's embeddings
/// are its positives and negatives. Cosines with proxies of other classes are made for a part of the proxies at a time, loss and
/// gradients from the same ones, so that [N, K] is never held.
/// </summary>
public static class ProxyAnchor
{
    /// <summary>
    /// The mean over proxies with positives of log(1 + sum exp(-alpha (s - margin))), and over all proxies of
    /// log(1 + sum exp(alpha (s + margin))).
    /// </summary>
    /// <param name="embeddings">Of the whole batch, of unit length, [N, D].</param>
    /// <param name="proxies">Of unit length, [K, D].</param>
    /// <param name="labels">The embeddings' classes, int64 [N].</param>
    /// <param name="margin">How near positives are to be, and how far negatives.</param>
    /// <param name="alpha">Times every cosine.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor proxies, Tensor labels, double margin, double alpha) =>
        Near(embeddings, proxies, labels, margin, alpha)
        + LossWithGradients.Of([embeddings, proxies], wanted => Far(embeddings, proxies, labels, margin, alpha, wanted));

    private static Tensor Near(Tensor embeddings, Tensor proxies, Tensor labels, double margin, double alpha)
    {
        var (present, _, _) = labels.unique();
        var pull = (margin - embeddings.mm(proxies.index_select(0, present).t())) * alpha; // [N, P], P at most N
        var others = labels.unsqueeze(1) != present.unsqueeze(0);
        var one = zeros([1, present.shape[0]], pull.dtype, pull.device); // the 1 in the logarithm
        return cat([one, pull.masked_fill(others, double.NegativeInfinity)]).logsumexp(0).mean();
    }

    private static (Tensor Loss, Tensor[] Gradients) Far(
        Tensor embeddings, Tensor proxies, Tensor labels, double margin, double alpha, bool wanted)
    {
        var (rows, count) = (embeddings.shape[0], proxies.shape[0]);
        var loss = zeros([], embeddings.dtype, embeddings.device);
        Tensor[] gradients = wanted ? [zeros_like(embeddings), empty_like(proxies)] : [];
        foreach (var block in Block.Divide(count, ClassSoftmax.TileLogits(embeddings.device_type) / rows))
        {
            using var scope = NewDisposeScope();
            var part = block.Of(proxies);
            var push = embeddings.mm(part.t()).add_(margin).mul_(alpha); // [N, k]
            push.masked_fill_(labels.unsqueeze(1) == arange(block.Start, block.End, device: labels.device), double.NegativeInfinity);
            var largest = push.amax([0L]).clamp_min(0);
            var exponentials = push.sub_(largest).exp_();
            var sum = exponentials.sum(dim: 0) + largest.neg().exp();
            loss.add_((sum.log() + largest).sum() / count);
            if (wanted)
            {
                var weights = exponentials.mul_(alpha / count / sum);
                gradients[0].addmm_(weights, part, beta: 1, alpha: 1);
                block.Of(gradients[1]).copy_(weights.t().mm(embeddings));
            }
        }

        return (loss, gradients);
    }
}
