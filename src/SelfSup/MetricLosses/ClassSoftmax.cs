using SelfSup.Losses;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Cross-entropy over K classes in which the logit of a sample's own class is not the product that those of the others are:
/// what softmax losses with margins and with proxies have in common. Logits are made for a few samples at a time, loss and gradients
/// from the same ones, so that [N, K] is never held: beyond its arguments it needs one tile (<see cref="TileLogits"/> logits, those of
/// one sample where K is more) and the gradients of samples and classes, [N, D] and [K, D], which are there twice during the backward
/// pass.
/// </summary>
internal static class ClassSoftmax
{
    /// <summary>The mean over samples of -log(exp(own) / (exp(own) + sum over the other classes of exp(logit))).</summary>
    /// <param name="rows">Samples, [N, D]: their products with the classes are the logits.</param>
    /// <param name="classes">[K * C, D], the C centres of a class one after the other: the largest product is the class's logit.</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="lower">
    /// The logits of the own classes, [N], from the products with them, [N], sample by sample; or null where they are the products.
    /// </param>
    /// <param name="centres">C.</param>
    /// <param name="ownCounts">Whether the own class is in the denominator; where it is not, K must be at least 2.</param>
    /// <returns>A scalar, its gradient once differentiable.</returns>
    public static Tensor Mean(
        Tensor rows, Tensor classes, Tensor labels, Func<Tensor, Tensor>? lower = null, int centres = 1, bool ownCounts = true) =>
        Mean(rows, null, classes, labels, lower is null ? null : (products, _) => lower(products), centres, ownCounts);

    /// <summary>The same with logits of the own classes that are made of one more number of each sample, such as its length.</summary>
    /// <param name="rows">As above.</param>
    /// <param name="lengths">The numbers, with a graph, [N]; or null.</param>
    /// <param name="classes">As above.</param>
    /// <param name="labels">As above.</param>
    /// <param name="lower">The logits from products and lengths.</param>
    /// <param name="centres">As above.</param>
    /// <param name="ownCounts">As above.</param>
    public static Tensor Mean(
        Tensor rows, Tensor? lengths, Tensor classes, Tensor labels, Func<Tensor, Tensor, Tensor>? lower, int centres = 1, bool ownCounts = true)
    {
        Check(rows, classes, labels, centres, ownCounts);
        using var scope = NewDisposeScope();
        var settings = new Settings(labels, centres, ownCounts);
        Tensor[] learned = lengths is null ? [rows, classes] : [rows, classes, lengths];
        return LossWithGradients.Of(learned, wanted => Compute(rows, lengths, classes, lower, settings, wanted)).MoveToOuterDisposeScope();
    }

    /// <summary>How many logits are held at once.</summary>
    public static long TileLogits(DeviceType device) => device == DeviceType.CPU ? 1 << 22 : 1 << 26;

    private static (Tensor Loss, Tensor[] Gradients) Compute(
        Tensor rows, Tensor? lengths, Tensor classes, Func<Tensor, Tensor, Tensor>? lower, Settings settings, bool wanted)
    {
        var (labels, centres, ownCounts) = settings;
        var count = rows.shape[0];
        var (own, ownPlaces) = ClassCosines.Nearest(rows, classes, labels, centres);
        var (target, slope, lengthSlope) = Lowered(own, lengths, lower, wanted);
        var loss = zeros([], rows.dtype, rows.device);
        Tensor[] gradients = wanted ? [empty_like(rows), zeros_like(classes), empty_like(own)] : [];
        foreach (var block in Block.Divide(count, TileLogits(rows.device_type) / classes.shape[0]))
        {
            using var scope = NewDisposeScope();
            var part = block.Of(rows);
            var logits = part.mm(classes.t()); // [n, K * C]
            Tensor? nearest = null;
            if (centres > 1)
            {
                (logits, nearest) = logits.view(block.Length, -1, centres).max(2);
            }

            // log(sum of the others / own), from which loss and gradients keep their digits also where the own class takes nearly all.
            var ownColumn = block.Of(labels).unsqueeze(1);
            logits.scatter_(1, ownColumn, full([block.Length, 1], double.NegativeInfinity, logits.dtype, logits.device));
            var largest = logits.amax([1L], keepdim: true);
            largest.masked_fill_(largest.isinf(), 0); // one class: there are no others
            var exponentials = logits.sub_(largest).exp_();
            var sum = exponentials.sum(dim: 1);
            var gap = sum.log() + largest.squeeze(1) - block.Of(target);
            loss.add_((ownCounts ? Softplus.Of(gap) : gap).sum() / count);
            if (!wanted)
            {
                continue;
            }

            var others = (ownCounts ? gap.sigmoid() : ones_like(gap)) / count; // the part of the others in the probabilities
            block.Of(gradients[2]).copy_(others.neg());
            var probabilities = exponentials.mul_((others / sum.clamp_min(1e-30)).unsqueeze(1));
            if (nearest is not null)
            {
                probabilities = zeros([block.Length, probabilities.shape[1], centres], logits.dtype, logits.device)
                    .scatter_(2, nearest.unsqueeze(2), probabilities.unsqueeze(2)).view(block.Length, -1);
            }

            block.Of(gradients[0]).copy_(probabilities.mm(classes));
            gradients[1].addmm_(probabilities.t(), part, beta: 1, alpha: 1);
        }

        if (wanted)
        {
            // What the logit of the own class does to both, without a graph whose gradient would be another [K, D].
            var ofProducts = (gradients[2] * slope!).unsqueeze(1);
            gradients[0].add_(classes.index_select(0, ownPlaces) * ofProducts);
            gradients[1].index_add_(0, ownPlaces, rows * ofProducts, 1);
            gradients = lengthSlope is null ? gradients[..2] : [gradients[0], gradients[1], gradients[2] * lengthSlope];
        }

        return (loss, gradients);
    }

    /// <summary>The logits of the own classes and how they change with products and lengths, [N] each.</summary>
    private static (Tensor Target, Tensor? Slope, Tensor? LengthSlope) Lowered(
        Tensor products, Tensor? lengths, Func<Tensor, Tensor, Tensor>? lower, bool wanted)
    {
        if (lower is null)
        {
            return (products, ones_like(products), lengths is null ? null : zeros_like(lengths));
        }

        using var _ = enable_grad(wanted);
        var at = products.detach().requires_grad_(wanted);
        var by = (lengths ?? products).detach().requires_grad_(wanted && lengths is not null);
        var target = lower(at, by);
        if (!wanted)
        {
            return (target, null, null);
        }

        // Sample by sample, so the gradient of the sum has each one's slope.
        var slopes = autograd.grad([target.sum()], lengths is null ? [at] : [at, by]);
        return (target.detach(), slopes[0], lengths is null ? null : slopes[1]);
    }

    private static void Check(Tensor rows, Tensor classes, Tensor labels, int centres, bool ownCounts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(centres, 1);
        if (rows.dim() != 2 || classes.dim() != 2 || rows.shape[1] != classes.shape[1] || classes.shape[0] % centres != 0
            || labels.dim() != 1 || labels.shape[0] != rows.shape[0] || rows.shape[0] == 0 || classes.shape[0] < centres * (ownCounts ? 1 : 2))
        {
            throw new ArgumentException(
                $"embeddings, classes and labels: are [{string.Join(", ", rows.shape)}], [{string.Join(", ", classes.shape)}] and "
                + $"[{string.Join(", ", labels.shape)}], must be [N, D], [K * {centres}, D] and [N], none empty"
                + (ownCounts ? "" : ", with at least 2 classes: the own one is not in the denominator"),
                nameof(classes));
        }
    }

    private sealed record Settings(Tensor Labels, int Centres, bool OwnCounts);
}
