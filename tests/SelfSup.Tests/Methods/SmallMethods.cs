using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tensors;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>A thin encoder, by default without batch normalisation, and images that have something to learn, for tests of methods.</summary>
internal static class SmallMethods
{
    private static readonly Compute _compute = new(CPU, Precision.Float32);

    /// <summary>What a run of so many images would give to its method.</summary>
    public static MethodContext Context(
        int images, ScalarType type = ScalarType.Float64, ulong seed = 1, NormKind norm = NormKind.Group) =>
        new(parts => NewEncoder(parts, type, norm), images, Communicator.Single) { Seed = seed, GlobalBatchSize = images };

    /// <summary>Images [N, 3, side, side], smooth and each with colours of its own, the same in every view.</summary>
    public static ViewBatch Batch(int images, int side, int views = 1, ScalarType type = ScalarType.Float64, long step = 0, long epoch = 0)
    {
        using var generator = new Generator(5);
        var coarse = randn([images, 3, 2, 2], generator: generator);
        var smooth = nn.functional.interpolate(coarse, [side, side], mode: InterpolationMode.Bilinear, align_corners: false).to(type);
        return new(step, epoch, arange(images), zeros(images, int64), [.. Enumerable.Repeat(smooth, views)]);
    }

    /// <summary>The losses of so many steps of Adam on one batch.</summary>
    public static double[] Train(Method method, int side, int images, int steps, double learningRate)
    {
        using var optimizer = new Adam(new AdamOptions(), method.Encoder.Parameters);
        var trainer = new Trainer(
            method,
            optimizer,
            new ConstantSchedule(new ConstantOptions { LearningRate = learningRate }, new ScheduleSpan(1000, 1)),
            Communicator.Single,
            new WholeBatch(method, _compute),
            CPU,
            new TrainerOptions(null));
        return [.. Enumerable.Range(0, steps).Select(step =>
        {
            using var scope = NewDisposeScope();
            return trainer.Step(Batch(images, side, method.Views, float32, step, step)).Loss;
        })];
    }

    private static Encoder NewEncoder(EncoderParts? parts, ScalarType type, NormKind norm)
    {
        _ = random.manual_seed(1);
        var backbone = new ResNet(ResNetArchitecture.Find("resnet20", 0.25), Stem.Small, norm: norm);
        var head = new ProjectionHead(new HeadOptions { Layers = 1, Output = 8, BatchNorm = HeadNorm.None }, backbone.FeatureWidth);
        return new Encoder(backbone.to(type), head.to(type), new EncoderWidths(backbone.FeatureWidth, 8), parts);
    }
}
