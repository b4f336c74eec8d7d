using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tests.Support;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>Copies of an encoder that share a batch are one encoder that has all of it.</summary>
public sealed class ReplicaGroupTests
{
    private static readonly EncoderOptions _options = new()
    {
        Backbone = "resnet20",
        Width = 0.5,
        Head = new HeadOptions { Output = 16, BatchNorm = HeadNorm.All },
    };

    [Theory]
    [InlineData(8, 2)]
    [InlineData(7, 3)]
    public void GradientAndStatisticsAreTheWholeBatchs(int images, int replicas)
    {
        using var scope = NewDisposeScope();
        using var whole = Create();
        using var parted = Create();
        using var group = new ReplicaGroup(parted, replicas, replicas, Computing.Cpu);
        for (var step = 0; step < 2; step++)
        {
            var batch = Batch(images, step);
            var (expectedLoss, expected) = Gradient(whole, new WholeBatch(whole, Computing.Cpu), batch);
            var (loss, actual) = Gradient(parted, group, batch);
            Assert.Equal(expectedLoss, loss, 1e-5);
            Assert.InRange(((actual - expected).norm() / expected.norm()).ToDouble(), 0, 1e-3);
            using var _ = no_grad();
            // The copies follow.
            whole.Encoder.Parameters.Values.add_(expected, alpha: -0.01);
            parted.Encoder.Parameters.Values.add_(expected, alpha: -0.01);
        }

        foreach (var ((name, one), (_, other)) in whole.Encoder.named_buffers().Zip(parted.Encoder.named_buffers()))
        {
            Assert.True(one.to(float64).allclose(other.to(float64), 1e-4, 1e-5), name);
        }
    }

    [Fact]
    public void TheSamePartsGiveTheSameBits()
    {
        using var scope = NewDisposeScope();
        Tensor Run()
        {
            using var method = Create();
            using var group = new ReplicaGroup(method, 3, 3, Computing.Cpu);
            return Gradient(method, group, Batch(9, 0)).Gradient;
        }

        Assert.True(Run().equal(Run()).all().item<bool>());
    }

    [Fact]
    public void WhatOneMeetsIsThrownAndTheOthersDoNotWait()
    {
        using var scope = NewDisposeScope();
        using var method = Create();
        using var failing = new FailsOnSecondPart(method);
        using var failingGroup = new ReplicaGroup(failing, 2, 2, Computing.Cpu);
        Assert.Equal("the second part", Assert.Throws<InvalidOperationException>(() => failingGroup.Embed(Batch(4, 0))).Message);
    }

    private static SimClr Create() => new(new SimClrOptions(), new MethodContext(NewEncoder, 100, Communicator.Single));

    private static Encoder NewEncoder(EncoderParts? parts) => Encoder.Create(_options, 3, Computing.Cpu, parts);

    private static ViewBatch Batch(int images, int step)
    {
        var all = Numbers.Normal(images, 8, 8, 3).permute(0, 3, 1, 2) + step;
        return new(step, 0, arange(images), zeros(images, int64), [all, (all * 0.9) + 0.1]);
    }

    private static (double Loss, Tensor Gradient) Gradient(Method method, IEmbedder embedder, ViewBatch batch)
    {
        method.Encoder.Parameters.Gradients.zero_();
        var loss = method.Compare(batch, embedder.Embed(batch));
        embedder.Backward(loss);
        return (loss.ToDouble(), method.Encoder.Parameters.Gradients.clone());
    }

    /// <summary>A method with an accident.</summary>
    private sealed class FailsOnSecondPart(Method method) : Method(new MethodContext(ReplicaGroupTests.NewEncoder, 100, Communicator.Single))
    {
        public override int Views => 2;

        public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => batch.FirstRow > 0
            ? throw new InvalidOperationException("the second part")
            : method.Embed(encoder, batch);

        public override Tensor Compare(ViewBatch batch, Embeddings embeddings) => method.Compare(batch, embeddings);
    }
}
