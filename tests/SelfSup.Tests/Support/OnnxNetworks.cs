using SelfSup.Evaluation;
using SelfSup.Models;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>Networks whose every value matters, and how far a file's results are from theirs.</summary>
internal static class OnnxNetworks
{
    /// <summary>An encoder none of whose scales, shifts and statistics are what they begin as.</summary>
    public static Encoder Create(EncoderOptions options, EncoderParts? parts = null)
    {
        var encoder = Encoder.Create(options, 11, Computing.Cpu, parts);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator(5);
        foreach (var (name, value) in encoder.State.Where(entry => entry.Value.dim() == 1))
        {
            var isScale = name.EndsWith("weight", StringComparison.Ordinal) || name.EndsWith("running_var", StringComparison.Ordinal);
            value.copy_(isScale ? 0.7 + rand(value.shape, generator: generator) : 0.2 * randn(value.shape, generator: generator));
        }

        return encoder;
    }

    /// <summary>Features, or embeddings of unit length, as SelfSup makes them.</summary>
    public static Tensor Of(Encoder encoder, Tensor images, Representation of = Representation.Features) =>
        FeatureExtractor.Forward(encoder, images, Computing.Cpu, of);

    /// <summary>What the head makes, of any length.</summary>
    public static Tensor Projections(Encoder encoder, Tensor images)
    {
        encoder.eval();
        using var _ = no_grad();
        return encoder.Project(images);
    }

    /// <summary>The largest difference, in units of the largest value.</summary>
    public static double Distance(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).ToDouble();
    }
}
