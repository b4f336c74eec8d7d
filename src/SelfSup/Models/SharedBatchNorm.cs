using SelfSup.Tensors;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Batch normalisation over a batch of which everyone holds a part, in training mode: what is called SyncBatchNorm. Statistics,
/// gradients and running statistics are those of the joined batch; gradients of scale and shift are the part's own, as all
/// gradients are. On any device, in any layout; nothing is read back from a GPU.
/// </summary>
internal sealed class SharedBatchNorm : autograd.SingleTensorFunction<SharedBatchNorm>
{
    private const string State = nameof(State);

    public override string Name => nameof(SharedBatchNorm);

    /// <summary>norm(x), with a graph where gradients are recorded.</summary>
    /// <param name="norm">Scale, shift and running statistics.</param>
    /// <param name="x">This part, [N, C, ...].</param>
    /// <param name="exchange">Who has the others.</param>
    public static Tensor Apply(NormBase norm, Tensor x, IStatisticsExchange exchange)
    {
        var job = new Job(norm, exchange);
        if (is_grad_enabled())
        {
            return apply(x, norm.weight, norm.bias, job);
        }

        using (job)
        {
            return job.Forward(x);
        }
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, job) = ((Tensor)vars[0], (Job)vars[3]);
        using var _ = no_grad();
        var y = job.Forward(x);
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([x]);
        ctx.save_data(State, job);
        return y;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => GuardedBackward.Body(4, grad_output, () =>
    {
        using var job = (Job)ctx.get_data(State);
        return job.Backward(grad_output, ctx.get_saved_variables()[0]);
    });

    /// <summary>One normalisation, and the way back through it.</summary>
    private sealed class Job(NormBase norm, IStatisticsExchange exchange) : IDisposable
    {
        private Tensor _mean = null!; // [C], of the joined batch
        private Tensor _inverseDeviation = null!;
        private Tensor _count = null!; // [], how many values a channel has in all parts

        public Tensor Forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var wide = Wide(x);
            var over = Others(x);
            var channels = x.shape[1];
            var count = (double)(x.numel() / channels);
            var mean = wide.mean(over).to(float64);
            var deviations = wide.var(over, unbiased: false).to(float64) * count;
            var all = exchange.Gather(cat([full([1], count, float64, x.device), mean, deviations])); // [members, 1 + 2C]
            // Statistics of parts put together (Chan, Golub and LeVeque 1979).
            var counts = all.narrow(1, 0, 1);
            var means = all.narrow(1, 1, channels);
            var total = counts.sum();
            var joined = (counts * means).sum([0L]) / total;
            var sum = all.narrow(1, 1 + channels, channels).sum([0L]) + (counts * (means - joined).square()).sum([0L]);
            var variance = sum / total;
            Track(joined, sum / (total - 1).clamp_min(1));
            (_mean, _inverseDeviation, _count) = (Kept(joined, wide), Kept((variance + norm.eps).rsqrt(), wide), Kept(total, wide));
            var scale = norm.weight is null ? _inverseDeviation : _inverseDeviation * norm.weight.detach();
            var y = (wide - Shaped(_mean, x)) * Shaped(scale, x);
            y = norm.bias is null ? y : y.add_(Shaped(norm.bias.detach(), x));
            return y.to(x.dtype).MoveToOuterDisposeScope();
        }

        /// <returns>The gradients of x, weight and bias.</returns>
        public Tensor?[] Backward(Tensor dy, Tensor x)
        {
            var gradient = Wide(dy);
            var over = Others(x);
            var channels = x.shape[1];
            var centred = Wide(x) - Shaped(_mean, x);
            var sum = gradient.sum(over);
            var product = (gradient * centred).sum(over);
            var all = exchange.Gather(cat([sum, product]).to(float64)).sum([0L]).to(gradient.dtype);
            var meanOfGradient = all.narrow(0, 0, channels) / _count;
            var slope = all.narrow(0, channels, channels) / _count * _inverseDeviation.square();
            var scale = norm.weight is null ? _inverseDeviation : _inverseDeviation * norm.weight.detach();
            var dx = (gradient - Shaped(meanOfGradient, x) - (centred * Shaped(slope, x))) * Shaped(scale, x);
            return [dx.to(x.dtype), norm.weight is null ? null : product * _inverseDeviation, norm.bias is null ? null : sum];
        }

        public void Dispose()
        {
            _mean.Dispose();
            _inverseDeviation.Dispose();
            _count.Dispose();
        }

        private void Track(Tensor mean, Tensor variance)
        {
            var momentum = norm.momentum ?? throw new NotSupportedException("a cumulative average of statistics has no use here");
            norm.running_mean!.lerp_(mean.to(norm.running_mean!.dtype), momentum);
            norm.running_var!.lerp_(variance.to(norm.running_var!.dtype), momentum);
            norm.num_batches_tracked!.add_(1);
        }

        // They live until the way back is over, longer than any scope on the way forward.
        private static Tensor Kept(Tensor value, Tensor like) => value.to(like.dtype).DetachFromDisposeScope();

        private static Tensor Wide(Tensor x) => x.dtype == ScalarType.BFloat16 ? x.to(float32) : x;

        private static long[] Others(Tensor x) => [.. Enumerable.Range(0, (int)x.dim()).Where(d => d != 1).Select(d => (long)d)];

        private static Tensor Shaped(Tensor vector, Tensor x) => vector.view([1, -1, .. Enumerable.Repeat(1L, (int)x.dim() - 2)]);
    }
}
