using BenchmarkDotNet.Attributes;

using SelfSup.Losses;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Benchmarks;

/// <summary>Losses of a batch with their gradients, embeddings of 128 numbers.</summary>
[MemoryDiagnoser]
public class LossBenchmarks
{
    private const double Temperature = 0.1;
    private const int Width = 128;
    private const int QueueLength = 65_536;

    private Tensor _embeddings = null!;
    private Tensor _queue = null!;
    private Tensor _bank = null!;
    private Tensor _labels = null!;

    /// <summary>How many rows are compared.</summary>
    [Params(512, 4096)]
    public int Rows { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        TorchRuntime.Initialise(null);
        _embeddings = nn.functional.normalize(randn(Rows, Width), dim: 1).requires_grad_();
        _queue = nn.functional.normalize(randn(QueueLength, Width), dim: 1);
        _bank = _queue.to(bfloat16);
        _labels = arange(Rows, dtype: int64) % 100;
    }

    [Benchmark]
    public void OfNtXent() => Step(z => NtXent.Loss(z, z, 0, Temperature));

    [Benchmark]
    public void OfDcl() => Step(z => Dcl.Loss(z, z, 0, Temperature));

    [Benchmark]
    public void OfSupCon() => Step(z => SupCon.Loss(z, z, _labels, 0, Temperature));

    [Benchmark]
    public void OfInfoNceWithAQueue() => Step(z => InfoNce.Loss(z, z.detach(), _queue, Temperature));

    [Benchmark]
    public void OfTheNonParametricSoftmaxOverABfloat16Bank() =>
        Step(z => NonParametricSoftmax.Loss(z, _bank, arange(Rows, dtype: int64), Temperature));

    private void Step(Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        _embeddings.grad = null;
        GuardedBackward.Run(loss(_embeddings));
    }
}
