using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

/// <summary>The same network computed in other ways.</summary>
public sealed class EncoderPrecisionTests
{
    private static readonly EncoderOptions _options = new()
    {
        Backbone = "resnet20",
        Width = 0.5,
        Head = new HeadOptions { Output = 16, BatchNorm = HeadNorm.All },
    };

    [Fact]
    public void LayoutChangesRoundingOnly()
    {
        using var scope = NewDisposeScope();
        var (planes, expected) = Run(new Compute(CPU, Precision.Float32, ChannelsLast: false));
        var (pixels, actual) = Run(Computing.Cpu);
        Assert.True(Distance(expected, actual) < 1e-4);
        Assert.Equal(planes.Keys.Order(), pixels.Keys.Order());
        // Normalising a small batch makes rounding in the last layers large in the first: PyTorch's layouts differ as much.
        Assert.All(planes, entry => Assert.True(Distance(entry.Value, pixels[entry.Key]) < 0.02, entry.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BFloat16ComesCloseAndKeepsFloat32Outside(bool native)
    {
        using var scope = NewDisposeScope();
        var (expectedGradients, expected) = Run(Computing.Cpu);
        var (gradients, actual) = Run(new Compute(CPU, Precision.Bfloat16), native);
        Assert.Equal(ScalarType.Float32, actual.dtype);
        Assert.All(gradients.Values, gradient => Assert.Equal(ScalarType.Float32, gradient.dtype));
        Assert.InRange(Distance(expected, actual), 1e-6, 0.1);
        Assert.InRange(Distance(expectedGradients["backbone.layer1.0.conv1.weight"], gradients["backbone.layer1.0.conv1.weight"]), 1e-6, 0.5);
    }

    [Fact]
    public void BothWaysToBFloat16AreTheSame()
    {
        using var scope = NewDisposeScope();
        var (expectedGradients, expected) = Run(new Compute(CPU, Precision.Bfloat16), native: true);
        var (gradients, actual) = Run(new Compute(CPU, Precision.Bfloat16), native: false);
        Assert.Equal(0, Distance(expected, actual), 1e-6);
        Assert.All(expectedGradients, entry => Assert.Equal(0, Distance(entry.Value, gradients[entry.Key]), 1e-6));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RecomputingActivationsChangesNothing(bool low)
    {
        using var scope = NewDisposeScope();
        var compute = new Compute(CPU, low ? Precision.Bfloat16 : Precision.Float32);
        var (expectedGradients, expected) = Run(compute);
        var (gradients, actual) = Run(compute with { RecomputesActivations = true });
        Assert.Equal(0, Distance(expected, actual));
        Assert.All(expectedGradients, entry => Assert.Equal(0, Distance(entry.Value, gradients[entry.Key]), 1e-7));
    }

    [Fact]
    public void WhatFailsOnTheWayBackIsThrown()
    {
        using var scope = NewDisposeScope();
        var part = new FailsTheSecondTime();
        var input = ones(2, 2).requires_grad_();
        var output = Recomputed.Call(part, input);
        var error = Assert.Throws<InvalidOperationException>(() => GuardedBackward.Run(output.sum()));
        Assert.Equal("the second time", error.Message);
        GuardedBackward.Run((input * 2).sum()); // and it is thrown once
    }

    [Fact]
    public void NodesBehindOneThatFailedAreNotReached()
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Create(_options, 5, Computing.Cpu);
        var images = Numbers.Normal(4, 8, 8, 3).permute(0, 3, 1, 2);
        Tensor output;
        using (NewDisposeScope())
        {
            // Behind it lie all normalisations of the backbone, each a node of ours.
            output = Recomputed.Call(new FailsTheSecondTime(), encoder.Features(images)).sum().MoveToOuterDisposeScope();
        }

        var error = Assert.Throws<InvalidOperationException>(() => GuardedBackward.Run(output));
        Assert.Equal("the second time", error.Message);
        Assert.Equal(0, encoder.Parameters.GradientNorm());
    }

    /// <summary>Embeddings and, by name, gradients and running statistics, after one pass there and back.</summary>
    private static (Dictionary<string, Tensor> State, Tensor Embeddings) Run(Compute compute, bool native = true)
    {
        using var encoder = Encoder.Create(_options, 5, compute);
        var images = Numbers.Normal(8, 3, 16, 16);
        images = compute.ChannelsLast ? images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : images;
        Tensor embeddings;
        using (Autocast.Enter(compute.Precision, CPU.type, native))
        {
            embeddings = encoder.Embed(images);
        }

        GuardedBackward.Run((embeddings * Numbers.Normal([.. embeddings.shape])).sum());
        var state = encoder.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.clone());
        foreach (var (name, buffer) in encoder.named_buffers().Where(b => b.name.Contains("running")))
        {
            state.Add(name, buffer.clone());
        }

        return (state, embeddings.detach());
    }

    private static double Distance(Tensor expected, Tensor actual) =>
        ((actual - expected).norm() / expected.norm().clamp_min(1e-12)).ToDouble();

    private sealed class FailsTheSecondTime() : nn.Module<Tensor, Tensor>(nameof(FailsTheSecondTime))
    {
        private bool _called;

        public override Tensor forward(Tensor input)
        {
            if (_called)
            {
                throw new InvalidOperationException("the second time");
            }

            _called = true;
            return input * 2;
        }
    }
}
