using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

public sealed class MultiplyCountTests
{
    /// <summary>torchvision's figures without the classifier's 512 * 1000 and 2048 * 1000.</summary>
    [Theory]
    [InlineData("resnet18", "ImageNet", 224, 1_814_073_344 - 512_000)]
    [InlineData("resnet50", "ImageNet", 224, 4_089_184_256 - 2_048_000)]
    [InlineData("resnet18", "Small", 32, 555_417_600)] // by hand: 1,769,472 + 150,994,944 + 3 * 134,217,728
    public void AnImageTakesAsManyAsThePapersSay(string name, string stem, int size, long expected)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var network = new ResNet(ResNetArchitecture.Find(name), Enum.Parse<Stem>(stem));
        network.eval();
        using var count = new MultiplyCount();
        network.call(zeros(1, 3, size, size));
        Assert.Equal((expected, 0), (count.Forward, count.Backward));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // rounds operands itself, past the layers' own call
    public void TheWayBackTakesTwiceAsManyButTheFirstLayersInput(bool rounds)
    {
        using var scope = NewDisposeScope();
        using var network = Encoder.Create(Options, 1, Computing.Cpu);
        using var precision = Autocast.Enter(rounds ? Precision.Bfloat16 : Precision.Float32, TorchSharp.DeviceType.CPU, native: false);
        using var count = new MultiplyCount();
        network.Embed(randn(2, 3, 16, 16));
        Assert.Equal((2 * count.Forward) - FirstLayer(images: 2), count.Backward);
    }

    [Fact]
    public void SlicesGoForwardOnceMore()
    {
        var whole = Step(slices: false);
        var slices = Step(slices: true);
        Assert.Equal((2 * whole.Forward, whole.Backward), slices);
    }

    [Fact]
    public void ActivationsThatAreMadeAnewAreCountedAgain()
    {
        var kept = Step(slices: false);
        var anew = Step(slices: false, Computing.Cpu with { RecomputesActivations = true });
        Assert.Equal(kept.Backward, anew.Backward);
        Assert.InRange(anew.Forward, kept.Forward * 3 / 2, kept.Forward * 2);
    }

    [Fact]
    public void NothingIsCountedAfterTheEnd()
    {
        var count = new MultiplyCount();
        count.Dispose();
        Assert.Null(MultiplyCount.Current);
        using var later = new MultiplyCount();
        count.Dispose();
        Assert.Same(later, MultiplyCount.Current);
    }

    private static EncoderOptions Options => new() { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };

    private static long FirstLayer(int images) => images * 16L * 16 * 4 * 27;

    private static (long Forward, long Backward) Step(bool slices, Compute? compute = null)
    {
        using var scope = NewDisposeScope();
        var how = compute ?? Computing.Cpu;
        using var method = new SimClr(
            new SimClrOptions(), new MethodContext(parts => Encoder.Create(Options, 1, how, parts), 8, Communicator.Single));
        IEmbedder embedder = slices ? new EmbeddingCache(method, 4, how) : new WholeBatch(method, how);
        var samples = arange(8, dtype: int64);
        var batch = new ViewBatch(0, 0, samples, samples, [randn(8, 3, 16, 16), randn(8, 3, 16, 16)]);
        using var count = new MultiplyCount();
        embedder.Backward(method.Compare(batch, embedder.Embed(batch)));
        return (count.Forward, count.Backward);
    }
}
