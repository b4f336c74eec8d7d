using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>What a batch normalisation with its running statistics is: a scale and a shift for each channel, in float64.</summary>
internal sealed class Affine(NormBase norm)
{
    /// <summary>C.</summary>
    public long Width => norm.running_mean!.shape[0];

    /// <summary>[C]: weight / sqrt(variance + epsilon).</summary>
    public Tensor Scale()
    {
        var inverse = (Wide(norm.running_var!) + norm.eps).rsqrt();
        return norm.weight is { } weight ? Wide(weight) * inverse : inverse;
    }

    /// <summary>[C]: bias - mean * scale.</summary>
    public Tensor Shift() => Shift(before: null);

    /// <summary>[C]: bias + (before - mean) * scale, with what was added before the normalisation.</summary>
    public Tensor Shift(Tensor? before)
    {
        var mean = Wide(norm.running_mean!);
        var shift = (before is null ? -mean : Wide(before) - mean) * Scale();
        return norm.bias is { } bias ? Wide(bias) + shift : shift;
    }

    /// <summary>Weights [C, ...] whose results are scaled.</summary>
    public Tensor Scaled(Tensor weight) => Wide(weight) * Scale().reshape([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]);

    private static Tensor Wide(Tensor tensor) => tensor.detach().cpu().to(ScalarType.Float64);
}
