using System.Diagnostics;

using SelfSup.Losses;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>NT-Xent and its gradient for random embeddings.</summary>
internal sealed class LossWorkload : IDisposable
{
    private const double Temperature = 0.1;

    private readonly Tensor _embeddings;

    /// <param name="rows">2N, views.</param>
    /// <param name="width">D.</param>
    public LossWorkload(int rows, int width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        _embeddings = nn.functional.normalize(randn([rows, width], dtype: float32, generator: generator), dim: 1)
            .requires_grad_()
            .DetachFromDisposeScope();
    }

    /// <summary>Forward and backward once.</summary>
    /// <returns>The loss, and milliseconds by the clock on the wall.</returns>
    public (double Loss, double Milliseconds) Step(bool tiled)
    {
        using var scope = NewDisposeScope();
        _embeddings.grad = null;
        var clock = Stopwatch.StartNew();
        var loss = tiled ? NtXent.Loss(_embeddings, _embeddings, rank: 0, Temperature) : WholeMatrix(_embeddings);
        GuardedBackward.Run(loss);
        return (loss.item<float>(), clock.Elapsed.TotalMilliseconds);
    }

    public void Dispose()
    {
        _embeddings.grad?.Dispose();
        _embeddings.Dispose();
    }

    /// <summary>The loss as it is usually written.</summary>
    private static Tensor WholeMatrix(Tensor embeddings)
    {
        var rows = embeddings.shape[0];
        var logits = embeddings.matmul(embeddings.t()) / Temperature;
        logits.diagonal().fill_(double.NegativeInfinity);
        return nn.functional.cross_entropy(logits, arange(rows, dtype: int64).roll(rows / 2));
    }
}
