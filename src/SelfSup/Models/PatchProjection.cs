using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Patches to tokens: a convolution whose filters are as large as their stride. Filters that do not train are buffers
/// and not parameters, so that nothing that goes over parameters touches them, decay and moving averages included, and they
/// are still saved, under the same names.
/// </summary>
internal sealed class PatchProjection : nn.Module<Tensor, Tensor>
{
    private const string WeightName = "weight";
    private const string BiasName = "bias";
    private readonly long _patchSize;
    private readonly bool _frozen;

    /// <param name="patchSize">Height and width of a patch.</param>
    /// <param name="width">D, the width of a token.</param>
    /// <param name="frozen">Whether it stays as it was drawn.</param>
    /// <param name="glorot">
    /// Whether filters come from Glorot and Bengio's uniform distribution over a patch and biases are zero, instead of
    /// PyTorch's initialisation of a convolution.
    /// </param>
    public PatchProjection(long patchSize, long width, bool frozen, bool glorot)
        : base(nameof(PatchProjection))
    {
        (_patchSize, _frozen) = (patchSize, frozen);
        using var scope = NewDisposeScope();
        var inputs = 3 * patchSize * patchSize;
        var bound = glorot ? Math.Sqrt(6.0 / (inputs + width)) : Math.Sqrt(1.0 / inputs);
        var weight = Uniform(bound, width, 3, patchSize, patchSize);
        var bias = glorot ? zeros(width) : Uniform(bound, width);
        if (frozen)
        {
            register_buffer(WeightName, weight.DetachFromDisposeScope());
            register_buffer(BiasName, bias.DetachFromDisposeScope());
        }
        else
        {
            register_parameter(WeightName, new TorchSharp.Modules.Parameter(weight));
            register_parameter(BiasName, new TorchSharp.Modules.Parameter(bias));
        }
    }

    /// <summary>[N, 3, H, W] to [N, D, H / patch, W / patch].</summary>
    public override Tensor forward(Tensor input) => Layers.Convolve(Value(WeightName), Value(BiasName), _patchSize, input);

    private static Tensor Uniform(double bound, params long[] shape) => empty(shape).uniform_(-bound, bound);

    // Moving a module to a device or type replaces its tensors, so they are looked up.
    private Tensor Value(string name) => _frozen ? get_buffer(name)! : get_parameter(name)!;
}
