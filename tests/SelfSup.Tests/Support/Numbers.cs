using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>Tensors to compute with: always the same for a shape.</summary>
internal static class Numbers
{
    /// <summary>From N(0, 1), float32.</summary>
    public static Tensor Normal(params long[] shape)
    {
        using var generator = new Generator(7);
        return randn(shape, generator: generator);
    }
}
