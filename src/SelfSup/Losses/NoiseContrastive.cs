using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Instance discrimination by noise-contrastive estimation: every image is told from K drawn ones of the memory bank instead
/// of from all (Wu et al. 2018, https://arxiv.org/abs/1805.01978, eq. 6 to 8), with noise that is uniform over the bank.
/// The rows that were drawn, [N, K, D], would have 512 MiB at 256 images with 4,096 each; they are gathered for a few images
/// at a time, and used for the loss and for its gradient while they are in the cache.
/// </summary>
internal static class NoiseContrastive
{
    /// <summary>What the authors' code adds to a denominator.</summary>
    private const double Epsilon = 1e-7;

    /// <summary>Where log(1 + exp(x)) equals x in float64 too.</summary>
    private const double LinearFrom = 40;

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
        using var scope = NewDisposeScope(); // it ends when libtorch has taken what is saved, and not before
        var learned = is_grad_enabled() && embeddings.requires_grad;
        var settings = new Settings(slots, samples, negatives, temperature, normaliser, learned);
        return Function.apply(embeddings, settings).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// An estimate of the constant Z (eq. 8): the mean of all N(K + 1) exponentials, M times. Reading it waits for the device.
    /// </summary>
    /// <inheritdoc cref="Loss"/>
    public static double Normaliser(Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        Check(embeddings, slots, samples, negatives);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var sum = zeros([], dtype: float64, device: embeddings.device);
        ForEachSlice(embeddings, slots, samples, negatives, (_, rows, images) =>
            sum.add_(rows.bmm(images.unsqueeze(2)).to(float64).div_(temperature).exp_().sum()));
        return sum.item<double>() / (negatives.numel() + samples.numel()) * slots.shape[0];
    }

    // With x = log(P / (m/n + eps)), where P is the probability by the model and m/n that by the noise times K, the term of the
    // own slot is log(1 + exp(-x)), and that of a negative log(1 + exp(x)) + log((m/n + eps) / (m/n)).
    private static (Tensor Loss, Tensor? Gradient) Compute(Tensor embeddings, Settings settings)
    {
        var noise = settings.Negatives.shape[1] / (double)settings.Slots.shape[0];
        var shift = Math.Log(settings.Normaliser) + Math.Log(noise + Epsilon);
        var losses = empty(embeddings.shape[0], dtype: embeddings.dtype, device: embeddings.device);
        var gradient = settings.Learned ? empty_like(embeddings) : null;
        ForEachSlice(embeddings, settings.Slots, settings.Samples, settings.Negatives, (slice, rows, images) =>
        {
            var terms = rows.bmm(images.unsqueeze(2)).squeeze(2).div_(settings.Temperature).sub_(shift); // x, [n, 1 + K]
            terms.narrow(1, 0, 1).neg_();
            slice.Of(losses).copy_(nn.functional.softplus(terms, beta: 1, threshold: LinearFrom).sum(dim: 1));
            if (gradient is not null)
            {
                var shares = terms.sigmoid_();
                shares.narrow(1, 0, 1).neg_();
                slice.Of(gradient).copy_(shares.unsqueeze(1).bmm(rows).squeeze(1));
            }
        });
        gradient?.div_(settings.Temperature * embeddings.shape[0]);
        return (losses.mean() + (settings.Negatives.shape[1] * Math.Log(1 + (Epsilon / noise))), gradient);
    }

    // Which embeddings, their slots [n, 1 + K, D] with the own one first, and they themselves [n, D].
    private static void ForEachSlice(
        Tensor embeddings, Tensor slots, Tensor samples, Tensor negatives, Action<Block, Tensor, Tensor> body)
    {
        var width = embeddings.shape[1];
        var drawn = cat([samples.unsqueeze(1), negatives], 1);
        var bytesOfOne = drawn.shape[1] * width * embeddings.element_size();
        // What a core's cache holds; a GPU would rather start few kernels.
        var budget = embeddings.device_type == DeviceType.CPU ? 3L << 20 : 256L << 20;
        foreach (var slice in Block.Divide(embeddings.shape[0], budget / bytesOfOne))
        {
            using var scope = NewDisposeScope();
            var rows = slots.index_select(0, slice.Of(drawn).reshape(-1)).to(embeddings.dtype);
            body(slice, rows.view(slice.Length, -1, width), slice.Of(embeddings));
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

    private sealed record Settings(
        Tensor Slots, Tensor Samples, Tensor Negatives, double Temperature, double Normaliser, bool Learned);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(NoiseContrastive);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (loss, gradient) = Compute((Tensor)arguments[0], (Settings)arguments[1]);
            context.save_for_backward(gradient is null ? [] : [gradient]);
            context.set_materialize_grads(false);
            return loss;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(
            2, gradient, () => [context.get_saved_variables()[0] * gradient]);
    }
}
