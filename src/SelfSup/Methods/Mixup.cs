using SelfSup.Augmentation;
using SelfSup.Randomness;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412): each image is blended with another one, and so are their labels. Rows
/// 2i and 2i + 1 of a batch, which is in random order, are blended with each other by one share drawn from Beta(alpha, alpha), so
/// that ranks, which hold even numbers of rows, blend what one rank would; a last row without a partner stays as it is.
/// </summary>
/// <param name="alpha">0 blends nothing, 1 with every share alike.</param>
/// <param name="seed">The run's seed.</param>
internal sealed class Mixup(double alpha, ulong seed)
{
    /// <summary>Whether it does anything.</summary>
    public bool IsOn => alpha > 0;

    /// <summary>The batch with blended images.</summary>
    public ViewBatch Apply(ViewBatch batch)
    {
        using var _ = no_grad();
        var pairs = batch.Samples.shape[0] / 2;
        var shares = Shares(batch).narrow(0, 0, 2 * pairs).view(pairs, 2).select(1, 0).to(batch.Views[0].device).view(pairs, 1, 1, 1);
        return batch.With([.. batch.Views.Select(view => Blend(view, shares, 2 * pairs))]);
    }

    /// <summary>How much of each image is still its own, float32 [N] on the CPU: the label's weight, that of the partner has the rest.</summary>
    public Tensor Shares(ViewBatch batch)
    {
        var samples = batch.Samples.cpu().data<long>().ToArray();
        var shares = new float[samples.Length];
        Array.Fill(shares, 1);
        for (var row = 0; row + 1 < shares.Length; row += 2)
        {
            shares[row] = shares[row + 1] = (float)Beta(new CounterRandom(seed, RandomPurpose.Mixing, batch.Step, samples[row]));
        }

        return tensor(shares);
    }

    /// <summary>The labels of the images that each is blended with, [N].</summary>
    public static Tensor Partners(Tensor labels)
    {
        var even = labels.shape[0] / 2 * 2;
        var swapped = labels.narrow(0, 0, even).view(even / 2, 2).flip(1).reshape(even);
        return cat([swapped, labels.narrow(0, even, labels.shape[0] - even)]);
    }

    /// <summary>
    /// A number from Beta(alpha, alpha), by Jöhnk's rejection: for an alpha of at most 4, 70 tries at most on average. In logarithms,
    /// since both powers are 0 in doubles where alpha is small.
    /// </summary>
    private double Beta(CounterRandom random)
    {
        while (true)
        {
            var (x, y) = (Math.Log(1 - random.NextDouble()) / alpha, Math.Log(1 - random.NextDouble()) / alpha);
            if (Math.Exp(x) + Math.Exp(y) <= 1)
            {
                return 1 / (1 + Math.Exp(y - x));
            }
        }
    }

    // Written into a tensor like the view: it may lie channels last.
    private static Tensor Blend(Tensor view, Tensor shares, long rows)
    {
        var (first, second) = (view.slice(0, 0, rows, 2).to(float32), view.slice(0, 1, rows, 2).to(float32));
        var blended = empty_like(view);
        blended.slice(0, 0, rows, 2).copy_((first * shares) + (second * (1 - shares)));
        blended.slice(0, 1, rows, 2).copy_((second * shares) + (first * (1 - shares)));
        if (rows < view.shape[0])
        {
            blended.narrow(0, rows, 1).copy_(view.narrow(0, rows, 1));
        }

        return blended;
    }
}
