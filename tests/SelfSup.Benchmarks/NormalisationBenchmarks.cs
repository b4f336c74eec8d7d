using BenchmarkDotNet.Attributes;

using SelfSup.Models;
using SelfSup.Tensors;

using TorchSharp;
using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Benchmarks;

/// <summary>
/// Normalising, adding the shortcut and rectifying, there and back, over the activations of the first stage of ResNet-20:
/// in one pass and as libtorch's three operations.
/// </summary>
[MemoryDiagnoser]
public class NormalisationBenchmarks
{
    private BatchNorm2d _norm = null!;
    private Tensor _x = null!;
    private Tensor _shortcut = null!;
    private Tensor _gradient = null!;

    [Params(false, true)]
    public bool BFloat16 { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        TorchRuntime.Initialise(null);
        set_num_threads(1);
        using var generator = new Generator(1);
        Tensor Activations() => randn([64, 32, 32, 16], generator: generator).permute(0, 3, 1, 2).to(BFloat16 ? bfloat16 : float32);
        _norm = nn.BatchNorm2d(16);
        (_x, _shortcut, _gradient) = (Activations().requires_grad_(), Activations().requires_grad_(), Activations());
    }

    [Benchmark]
    public void OnePass() => Backward(scope => BatchNormalisation.Apply(_norm, _x, _shortcut));

    [Benchmark(Baseline = true)]
    public void ThreeOperations() =>
        Backward(scope => nn.functional.relu(_norm.call(_x).add_(_shortcut), inplace: true));

    private void Backward(Func<DisposeScope, Tensor> make)
    {
        using var scope = NewDisposeScope();
        var y = make(scope);
        GuardedBackward.Run([y], [_gradient]);
        (_x.grad, _shortcut.grad) = (null, null);
    }
}
