using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

/// <summary>Convolutions over images of one pixel, which the last stage sees of small patches.</summary>
public sealed class OnePixelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AConvolutionIsWhatItWouldBe(long stride)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Conv2d(4, 6, 3, stride: stride, padding: 1, bias: false).to(float64);
        var input = Numbers.Normal(5, 4, 1, 1).to(float64).requires_grad_();
        var (expected, actual) = (layer.call(input), Layers.Convolve(layer, input));
        Assert.True(expected.allclose(actual));
        var weights = Numbers.Normal(5, 6, 1, 1).to(float64);
        var gradients = new[] { expected, actual }
            .Select(y => autograd.grad([(y * weights).sum()], [layer.weight, input], retain_graph: true)).ToArray();
        Assert.True(gradients[0][0].allclose(gradients[1][0]));
        Assert.True(gradients[0][1].allclose(gradients[1][1]));
    }

    [Fact]
    public void GradientsInBFloat16AreTheSameEveryTime()
    {
        var compute = new Compute(CPU, Precision.Bfloat16);
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25 };
        Tensor Gradients()
        {
            using var scope = NewDisposeScope();
            using var encoder = Encoder.Create(options, 3, compute);
            encoder.Parameters.Gradients.zero_();
            Tensor embeddings;
            using (compute.Enter())
            {
                embeddings = encoder.Embed(Numbers.Normal(72, 2, 2, 3).permute(0, 3, 1, 2));
            }

            GuardedBackward.Run((embeddings * Numbers.Normal(embeddings.shape)).sum());
            return encoder.Parameters.Gradients.clone().MoveToOuterDisposeScope();
        }

        using var outer = NewDisposeScope();
        var first = Gradients();
        Assert.True(first.isfinite().all().item<bool>());
        Assert.All(Enumerable.Range(0, 4), _ => Assert.True(Gradients().equal(first).all().item<bool>()));
    }
}
