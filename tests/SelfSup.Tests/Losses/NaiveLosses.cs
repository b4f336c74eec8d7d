using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>The formulas with the whole matrix of similarities.</summary>
internal static class NaiveLosses
{
    public static Tensor LogSumExp(Tensor rows, Tensor columns, double temperature, IReadOnlyList<ExcludedPairs> excluded)
    {
        var logits = rows.matmul(columns.to(rows.dtype).t()) / temperature;
        var counts = ones([rows.shape[0], columns.shape[0]], dtype: @bool, device: rows.device);
        foreach (var pairs in excluded)
        {
            for (var k = 0; k < pairs.Length; k++)
            {
                counts[pairs.Row + k, pairs.Column + k] = tensor(false);
            }
        }

        return logits.masked_fill(counts.logical_not(), double.NegativeInfinity).logsumexp(1);
    }

    public static Tensor NtXent(Tensor local, Tensor all, int rank, double temperature)
    {
        var rows = local.shape[0];
        var first = rank * rows;
        var logits = local.matmul(all.t()) / temperature;
        logits.diagonal(first).fill_(double.NegativeInfinity);
        var positive = arange(rows, dtype: int64).roll(rows / 2) + first;
        return nn.functional.cross_entropy(logits, positive);
    }

    public static Tensor InfoNce(Tensor query, Tensor positive, Tensor negatives, double temperature)
    {
        var logits = cat([(query * positive).sum(dim: 1, keepdim: true), query.matmul(negatives.to(query.dtype).t())], 1);
        return nn.functional.cross_entropy(logits / temperature, zeros(query.shape[0], dtype: int64));
    }

    public static Tensor Dcl(Tensor local, Tensor all, int rank, double temperature, double? sigma)
    {
        var rows = local.shape[0];
        var logits = local.matmul(all.t()) / temperature;
        var positive = arange(rows, dtype: int64).roll(rows / 2) + (rank * rows);
        var ofPositive = logits.gather(1, positive.unsqueeze(1)).squeeze(1);
        var itself = arange(rows, dtype: int64) + (rank * rows);
        var negatives = logits.scatter(1, positive.unsqueeze(1), full([rows, 1], double.NegativeInfinity, dtype: local.dtype))
            .scatter(1, itself.unsqueeze(1), full([rows, 1], double.NegativeInfinity, dtype: local.dtype));
        var weights = ones_like(ofPositive);
        if (sigma is { } s)
        {
            var alike = (ofPositive.detach() * temperature / s).narrow(0, 0, rows / 2).exp();
            weights = (2 - (alike / alike.mean())).repeat(2);
        }

        return (negatives.logsumexp(1) - (weights * ofPositive)).mean();
    }

    public static Tensor SupCon(Tensor local, Tensor all, Tensor labels, int rank, double temperature)
    {
        var rows = local.shape[0];
        var logits = local.matmul(all.t()) / temperature;
        var itself = eye(all.shape[0], dtype: @bool).narrow(0, rank * rows, rows);
        var positive = labels.narrow(0, rank * rows, rows).unsqueeze(1).eq(labels).logical_and(itself.logical_not());
        var logProbability = logits - logits.masked_fill(itself, double.NegativeInfinity).logsumexp(1, keepdim: true);
        var counts = positive.sum(dim: 1);
        var losses = -(logProbability * positive).sum(dim: 1) / counts.clamp_min(1);
        return losses.masked_select(counts > 0).mean();
    }

    public static Tensor NonParametricSoftmax(Tensor embeddings, Tensor slots, Tensor samples, double temperature) =>
        nn.functional.cross_entropy(embeddings.matmul(slots.to(embeddings.dtype).t()) / temperature, samples);

    public static Tensor NoiseContrastive(
        Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives, double temperature, double normaliser)
    {
        var rows = slots.to(embeddings.dtype)[cat([samples.unsqueeze(1), negatives], 1)];
        var model = ((rows * embeddings.unsqueeze(1)).sum(dim: 2) / temperature).exp() / normaliser;
        var noise = negatives.shape[1] / (double)slots.shape[0];
        var own = model.narrow(1, 0, 1) / (model.narrow(1, 0, 1) + noise + 1e-7);
        var others = noise / (model.narrow(1, 1, negatives.shape[1]) + noise + 1e-7);
        return -(own.log().sum() + others.log().sum()) / embeddings.shape[0];
    }

    public static Tensor BarlowTwins(Tensor first, Tensor second, double weight)
    {
        Tensor Standardised(Tensor rows) => (rows - rows.mean([0L])) / (rows.var(0, unbiased: false) + 1e-5).sqrt();
        var correlations = Standardised(first).t().mm(Standardised(second)) / first.shape[0];
        var diagonal = correlations.diagonal();
        return (1 - diagonal).square().sum() + (weight * (correlations.square().sum() - diagonal.square().sum()));
    }

    public static Tensor VicRegCovariance(Tensor rows)
    {
        var centred = rows - rows.mean([0L]);
        var covariance = centred.t().mm(centred) / (rows.shape[0] - 1);
        var off = eye(rows.shape[1], dtype: @bool).logical_not();
        return covariance.masked_select(off).square().sum() / rows.shape[1];
    }

    /// <summary>As the papers write it, without logarithms.</summary>
    public static Tensor Sinkhorn(Tensor scores, double epsilon, int iterations)
    {
        var q = (scores / epsilon).exp();
        for (var i = 0; i < iterations; i++)
        {
            q = q / q.sum(dim: 0, keepdim: true);
            q = q / q.sum(dim: 1, keepdim: true);
        }

        return q;
    }
}
