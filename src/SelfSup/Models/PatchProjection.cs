using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>Patches to tokens: a convolution whose filters are as large as their stride.</summary>
internal sealed class PatchProjection : FreezableModule
{
    private const string WeightName = "weight";
    private const string BiasName = "bias";
    private readonly long _patchSize;

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
        _patchSize = patchSize;
        using var scope = NewDisposeScope();
        var inputs = 3 * patchSize * patchSize;
        var bound = glorot ? Math.Sqrt(6.0 / (inputs + width)) : Math.Sqrt(1.0 / inputs);
        Register(WeightName, Uniform(bound, width, 3, patchSize, patchSize), trains: !frozen);
        Register(BiasName, glorot ? zeros(width) : Uniform(bound, width), trains: !frozen);
    }

    /// <summary>Height and width of a patch, which the filters have too.</summary>
    public long PatchSize => _patchSize;

    /// <summary>[D, 3, patch, patch].</summary>
    public Tensor Weight => Value(WeightName);

    /// <summary>[D].</summary>
    public Tensor Bias => Value(BiasName);

    /// <summary>[N, 3, H, W] to [N, D, H / patch, W / patch].</summary>
    public override Tensor forward(Tensor input) => Layers.Convolve(Weight, Bias, _patchSize, input);

    private static Tensor Uniform(double bound, params long[] shape) => empty(shape).uniform_(-bound, bound);
}
