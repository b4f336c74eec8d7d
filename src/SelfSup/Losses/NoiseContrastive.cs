using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Instance discrimination by noise-contrastive estimation: every image is told from K drawn ones of the memory bank instead
/// of from all (Wu et al. 2018, https://arxiv.org/abs/1805.01978, eq. 6 to 8), with noise that is uniform over the bank.
/// The rows that were drawn, [N, K, D], would have 512 MiB at 256 images with 4,096 each; they are gathered for a few images
/// at a time, and used for the loss and for its gradient while they are in the cache.
/// </summary>
public static class NoiseContrastive
{
    /// <summary>Stands for a slot that does not count: another part of the bank has it.</summary>
    internal const long Elsewhere = -1;

    /// <summary>What the authors' code adds to a denominator.</summary>
    private const double Epsilon = 1e-7;

    /// <summary>The mean over this rank's images of -log h(own) - sum_k log(1 - h(negative k)).</summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="slots">
    /// The memory bank, one unit-length embedding per image of the data set, a constant [M, D]; it may be bfloat16.
    /// </param>
    /// <param name="samples">Which image each embedding is of, int64 [N].</param>
    /// <param name="negatives">The images that were drawn for each, int64 [N, K]; its own may be among them.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <param name="normaliser">The constant Z of eq. 4, as <see cref="Normaliser"/> estimates it.</param>
    /// <returns>A scalar. Its gradient cannot be differentiated again.</returns>
    public static Tensor Loss(
        Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives, double temperature, double normaliser)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(normaliser);
        Check(embeddings, slots, samples, negatives);
        var noise = new Noise(temperature, normaliser, negatives.shape[1], slots.shape[0]);
        return LossWithGradient.Of(embeddings, learned =>
        {
            var rows = new BankRows(slots, samples, negatives, IsPart: false);
            var (losses, gradient) = Terms(embeddings, rows, noise, embeddings.shape[0], learned);
            return (losses.mean() + noise.Constant, gradient);
        });
    }

    /// <summary>
    /// An estimate of the constant Z (eq. 8): the mean of all N(K + 1) exponentials, M times. Reading it waits for the device.
    /// </summary>
    /// <inheritdoc cref="Loss"/>
    public static double Normaliser(Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        Check(embeddings, slots, samples, negatives);
        using var sum = Exponentials(embeddings, new BankRows(slots, samples, negatives, IsPart: false), temperature);
        return sum.item<double>() / (negatives.numel() + samples.numel()) * slots.shape[0];
    }

    /// <summary>
    /// What some slots add to the losses of images: the losses are sums over slots, so that parts of a bank may be gone through
    /// in different places.
    /// </summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="rows">The slots of each.</param>
    /// <param name="noise">What they are told from.</param>
    /// <param name="images">Over how many images the mean of losses is taken, which divides the gradient.</param>
    /// <param name="learned">Whether a gradient is wanted.</param>
    /// <returns>[N], without <see cref="Noise.Constant"/>, and the gradient of their sum divided by <paramref name="images"/>, [N, D].</returns>
    internal static (Tensor Losses, Tensor? Gradient) Terms(
        Tensor embeddings, BankRows rows, Noise noise, long images, bool learned)
    {
        // With x = log(P / (m/n + eps)), where P is the probability by the model and m/n that by the noise times K, the term of
        // the own slot is log(1 + exp(-x)), and that of a negative log(1 + exp(x)) + log((m/n + eps) / (m/n)).
        var losses = empty(embeddings.shape[0], dtype: embeddings.dtype, device: embeddings.device);
        var gradient = learned ? empty_like(embeddings) : null;
        ForEachSlice(embeddings, rows, (slice, own, ofOne, elsewhere) =>
        {
            var terms = own.bmm(ofOne.unsqueeze(2)).squeeze(2).div_(noise.Temperature).sub_(noise.Shift); // x, [n, 1 + K]
            terms.narrow(1, 0, 1).neg_();
            Leave(terms, elsewhere);
            slice.Of(losses).copy_(Softplus.Of(terms).sum(dim: 1));
            if (gradient is not null)
            {
                var shares = terms.sigmoid_();
                shares.narrow(1, 0, 1).neg_();
                slice.Of(gradient).copy_(shares.unsqueeze(1).bmm(own).squeeze(1));
            }
        });
        gradient?.div_(noise.Temperature * images);
        return (losses, gradient);
    }

    /// <summary>The sum of the exponentials of all logits with some slots, a float64 scalar.</summary>
    internal static Tensor Exponentials(Tensor embeddings, BankRows rows, double temperature)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var sum = zeros([], dtype: float64, device: embeddings.device);
        ForEachSlice(embeddings, rows, (_, own, ofOne, elsewhere) =>
        {
            var logits = own.bmm(ofOne.unsqueeze(2)).squeeze(2).to(float64).div_(temperature);
            Leave(logits, elsewhere);
            sum.add_(logits.exp_().sum());
        });
        return sum.MoveToOuterDisposeScope();
    }

    // What log(1 + exp(x)), its derivative and exp(x) make nothing of.
    private static void Leave(Tensor terms, Tensor? elsewhere)
    {
        if (elsewhere is not null)
        {
            terms.masked_fill_(elsewhere, double.NegativeInfinity);
        }
    }

    // Which embeddings, their slots [n, 1 + K, D] with the own one first, they themselves [n, D], and which slots do not count.
    private static void ForEachSlice(Tensor embeddings, BankRows rows, Action<Block, Tensor, Tensor, Tensor?> body)
    {
        var width = embeddings.shape[1];
        var drawn = cat([rows.Own.unsqueeze(1), rows.Negatives], 1);
        var bytesOfOne = drawn.shape[1] * width * embeddings.element_size();
        // What a core's cache holds; a GPU would rather start few kernels.
        var budget = embeddings.device_type == DeviceType.CPU ? 3L << 20 : 256L << 20;
        foreach (var slice in Block.Divide(embeddings.shape[0], budget / bytesOfOne))
        {
            using var scope = NewDisposeScope();
            var indices = slice.Of(drawn);
            var elsewhere = rows.IsPart ? indices.lt(0) : null;
            indices = rows.IsPart ? indices.clamp_min(0) : indices;
            var own = rows.Slots.index_select(0, indices.reshape(-1)).to(embeddings.dtype);
            body(slice, own.view(slice.Length, -1, width), slice.Of(embeddings), elsewhere);
        }
    }

    private static void Check(Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives)
    {
        if (embeddings.dim() != 2 || slots.dim() != 2 || embeddings.shape[1] != slots.shape[1] || embeddings.shape[0] == 0
            || samples.dim() != 1 || samples.shape[0] != embeddings.shape[0]
            || negatives.dim() != 2 || negatives.shape[0] != embeddings.shape[0] || negatives.shape[1] == 0)
        {
            var shapes = new[] { embeddings, slots, samples, negatives }.Select(t => $"[{string.Join(", ", t.shape)}]");
            throw new ArgumentException(
                $"embeddings, slots, samples and negatives: are {string.Join(", ", shapes)}, must be [N, D], [M, D], [N] and [N, K], "
                + "none empty");
        }

        if (slots.requires_grad)
        {
            throw new ArgumentException("slots: are learned, must be constants; they have no gradient here", nameof(slots));
        }
    }

    /// <summary>Which slots images are compared with.</summary>
    /// <param name="Slots">A memory bank or a part of it, [M, D].</param>
    /// <param name="Own">The row of each image's own slot, int64 [N].</param>
    /// <param name="Negatives">The rows of those that were drawn for it, int64 [N, K].</param>
    /// <param name="IsPart">Whether rows may be <see cref="Elsewhere"/>.</param>
    internal readonly record struct BankRows(Tensor Slots, Tensor Own, Tensor Negatives, bool IsPart);

    /// <summary>What images are told from, and how.</summary>
    internal readonly record struct Noise
    {
        /// <param name="temperature">Divides every logit.</param>
        /// <param name="normaliser">Z.</param>
        /// <param name="negatives">K, drawn for each image.</param>
        /// <param name="images">M, the slots of the whole bank.</param>
        public Noise(double temperature, double normaliser, long negatives, long images)
        {
            var noise = negatives / (double)images;
            Temperature = temperature;
            Shift = Math.Log(normaliser) + Math.Log(noise + Epsilon);
            Constant = negatives * Math.Log(1 + (Epsilon / noise));
        }

        /// <summary>Divides every logit.</summary>
        public double Temperature { get; }

        /// <summary>log(Z (K/M + eps)), what a logit is compared with.</summary>
        public double Shift { get; }

        /// <summary>What eps adds to the loss of every image.</summary>
        public double Constant { get; }
    }
}
