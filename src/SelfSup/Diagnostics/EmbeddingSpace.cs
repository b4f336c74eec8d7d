using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Diagnostics;

/// <summary>
/// What an embedding space looks like: how close positives are, how evenly and in how many dimensions embeddings spread.
/// Functions of embeddings [N, D], which are not normalised here unless it is said.
/// </summary>
internal static class EmbeddingSpace
{
    /// <summary>What RankMe adds to every share, so that one of 0 has a logarithm.</summary>
    private const double RankMeEpsilon = 1e-7;

    /// <summary>
    /// The mean distance of positives to a power (Wang and Isola 2020, https://arxiv.org/abs/2005.10242, eq. 3); 0 where views
    /// of an image coincide. A scalar with a gradient.
    /// </summary>
    /// <param name="x">Unit-length embeddings of one view, [N, D].</param>
    /// <param name="y">Of another, in the same order, [N, D].</param>
    /// <param name="alpha">The power.</param>
    public static Tensor Alignment(Tensor x, Tensor y, double alpha = 2)
    {
        var difference = x - y;
        return alpha == 2
            ? difference.square().sum(dim: 1).mean() // without the root, whose gradient at 0 is none
            : linalg.vector_norm(difference, 2, [1L]).pow(alpha).mean();
    }

    /// <summary>
    /// The logarithm of the mean of exp(-t d^2) over pairs of different rows at distance d (the same, eq. 4): 0 where all
    /// coincide, and the lower the more evenly they spread. A scalar with a gradient.
    /// </summary>
    /// <param name="x">Unit-length embeddings, [N, D] with N at least 2.</param>
    /// <param name="t">How soon pairs no longer count.</param>
    public static Tensor Uniformity(Tensor x, double t = 2)
    {
        var rows = AtLeastTwo(x);
        var lengths = x.square().sum(dim: 1);
        var exponents = ((x.mm(x.t()) * 2) - lengths - lengths.unsqueeze(1)) * t;
        var itself = eye(rows, dtype: @bool, device: x.device);
        return exponents.masked_fill(itself, double.NegativeInfinity).flatten().logsumexp(0) - Math.Log(rows * (rows - 1.0));
    }

    /// <summary>
    /// How many dimensions are used, as RankMe smooths it: exp of the entropy of p = sigma / sum(sigma) + 1e-7 (Garrido et al.
    /// 2023, https://arxiv.org/abs/2210.02885, eq. 1), with sigma the singular values of <paramref name="x"/>.
    /// </summary>
    /// <returns>From about 1 to about min(N, D).</returns>
    public static double RankMe(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return Math.Exp(Entropy(Shares(x) is { } shares ? shares + RankMeEpsilon : null));
    }

    /// <summary>
    /// How many dimensions are used: exp of the entropy of sigma / sum(sigma) (Roy and Vetterli 2007, eq. 1 to 3).
    /// </summary>
    /// <param name="x">[N, D].</param>
    /// <param name="centred">Subtracts the mean row first, which a space that does not lie around 0 is ruled by.</param>
    /// <returns>From 1 to min(N, D); 1 where all is 0.</returns>
    public static double EffectiveRank(Tensor x, bool centred = false)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return Math.Exp(Entropy(Shares(centred ? x - x.mean([0L], keepdim: true) : x)));
    }

    /// <summary>
    /// The mean over dimensions of the unbiased standard deviation over rows: 0 for a constant output, and 1 / sqrt(D) for unit
    /// rows that use the whole space (Chen and He 2021, https://arxiv.org/abs/2011.10566, section 4.1).
    /// </summary>
    public static double MeanStandardDeviation(Tensor x)
    {
        var freedom = AtLeastTwo(x) - 1;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return ((x - x.mean([0L], keepdim: true)).square().sum(dim: 0) / freedom).sqrt().mean().ToDouble();
    }

    /// <summary>The mean cosine of neighbouring rows, those of two views of an image.</summary>
    public static double PositiveSimilarity(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return (Unit(x) * Unit(y)).sum(dim: 1).mean().ToDouble();
    }

    /// <summary>The mean over rows of <paramref name="x"/> of the largest cosine with a row of y that is not its own.</summary>
    /// <param name="x">[N, D], N at least 2.</param>
    /// <param name="y">In the same order, [N, D].</param>
    /// <param name="classes">The rows' classes, int64 [N], below 0 where one has none: then of another class. Null where each is by itself.</param>
    /// <returns>The mean over the rows that have such another; NaN where none has.</returns>
    public static double HardestNegativeSimilarity(Tensor x, Tensor y, Tensor? classes = null)
    {
        AtLeastTwo(x);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var similarities = Unit(x).mm(Unit(y).t());
        similarities.diagonal().fill_(double.NegativeInfinity);
        if (classes is null)
        {
            return similarities.amax([1L]).mean().ToDouble();
        }

        var alike = (classes.unsqueeze(1) == classes.unsqueeze(0)) & (classes >= 0).unsqueeze(1);
        similarities.masked_fill_(alike, double.NegativeInfinity);
        var hardest = similarities.amax([1L]);
        return hardest.masked_select(hardest != double.NegativeInfinity).mean().ToDouble(); // all of a row may be of its class
    }

    // The singular values over their sum; null where all are 0.
    private static Tensor? Shares(Tensor x)
    {
        var values = SingularValues(x);
        var sum = values.sum();
        return sum.ToDouble() == 0 ? null : values / sum;
    }

    // Of float32 the squares fit into float64 without loss, and the eigenvalues of the smaller matrix of products take a fraction
    // of the time; of float64 half the digits would be lost.
    private static Tensor SingularValues(Tensor x)
    {
        if (!x.isfinite().all().ToBoolean())
        {
            return full([1], double.NaN, dtype: float64); // LAPACK would not converge
        }

        if (x.dtype == ScalarType.Float64)
        {
            return linalg.svdvals(x);
        }

        var wide = x.to(float64);
        var products = x.shape[0] < x.shape[1] ? wide.mm(wide.t()) : wide.t().mm(wide);
        return linalg.eigvalsh(products).clamp_min(0).sqrt();
    }

    private static double Entropy(Tensor? shares) => shares is null ? 0 : -shares.xlogy(shares).sum().ToDouble();

    private static Tensor Unit(Tensor rows) => nn.functional.normalize(rows, dim: 1);

    private static long AtLeastTwo(Tensor x) => x.dim() == 2 && x.shape[0] > 1
        ? x.shape[0]
        : throw new ArgumentException($"x: is [{string.Join(", ", x.shape)}], must be [N, D] with two rows at least", nameof(x));
}
