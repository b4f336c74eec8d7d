using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>A batch in slices has the gradient of the whole batch.</summary>
public sealed class EmbeddingCacheTests
{
    private const int Images = 10;

    // In float64 no kernel of ours takes part, so this is about the slices.
    private static readonly Compute _compute = new(CPU, Precision.Float32);

    public static TheoryData<string, bool> Methods
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var method in new RecipeReader().Methods.Names)
            {
                data.Add(method, false);
                data.Add(method, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void TheGradientIsTheWholeBatchs(string name, bool groups)
    {
        using var scope = NewDisposeScope();
        var norm = groups ? NormKind.Group : NormKind.Batch;
        using var method = Create(name, norm);
        foreach (var encoder in method.Encoders)
        {
            encoder.eval(); // in training BatchNorm, a predictor's too, sees a slice, which is another function
        }

        var batch = Batch(method);
        var (expectedLoss, expected) = Gradient(method, new WholeBatch(method, _compute), batch);
        Assert.True(expected.norm().ToDouble() > 1e-3);
        foreach (var sliceSize in new[] { 2, 3, 4, 9 })
        {
            var (loss, actual) = Gradient(method, new EmbeddingCache(method, sliceSize, _compute), batch);
            Assert.Equal(expectedLoss, loss, 1e-12);
            Assert.InRange((actual - expected).abs().max().ToDouble(), 0, 1e-10);
        }
    }

    [Fact]
    public void StatisticsMoveOnceForEverySlice()
    {
        using var scope = NewDisposeScope();
        using var method = Create("simclr", NormKind.Batch);
        Gradient(method, new EmbeddingCache(method, 5, _compute), Batch(method));
        var counts = method.Encoder.named_buffers().Where(b => b.name.EndsWith("num_batches_tracked", StringComparison.Ordinal));
        Assert.All(counts, c => Assert.Equal(2, c.buffer.item<long>()));
    }

    [Theory]
    [InlineData(10, 3, new long[] { 2, 3, 2, 3 })]
    [InlineData(10, 5, new long[] { 5, 5 })]
    [InlineData(4, 8, new long[] { 4 })]
    [InlineData(5, 2, new long[] { 2, 3 })]
    [InlineData(1, 2, new long[] { 1 })]
    public void SlicesAreAsEqualAsTheyCanBe(int images, int largest, long[] expected)
    {
        using var scope = NewDisposeScope();
        var batch = new ViewBatch(0, 0, arange(images), zeros(images, int64), [zeros(images, 3, 2, 2)]);
        var slices = batch.Slices(largest);
        Assert.Equal(expected, slices.Select(s => s.Views[0].shape[0]));
        Assert.True(cat([.. slices.Select(s => s.Samples)]).equal(batch.Samples).all().item<bool>());
    }

    private static Method Create(string name, NormKind norm)
    {
        var methods = new RecipeReader().Methods;
        return methods.Create(
            name,
            Activator.CreateInstance(methods.OptionsType(name))!,
            new MethodContext(parts => NewEncoder(norm, parts), Images, Communicator.Single) { Classes = 2, Tuples = TestTuples.Of(Images, Images) });
    }

    private static Encoder NewEncoder(NormKind norm, EncoderParts? parts)
    {
        _ = random.manual_seed(1);
        var backbone = new ResNet(ResNetArchitecture.Find("resnet20", 0.25), Stem.Small, norm: norm);
        var head = new ProjectionHead(
            new HeadOptions { Output = 8, BatchNorm = norm == NormKind.Batch ? HeadNorm.Hidden : HeadNorm.None }, backbone.FeatureWidth);
        return new Encoder(backbone.to(float64), head.to(float64), new EncoderWidths(backbone.FeatureWidth, 8), parts);
    }

    private static ViewBatch Batch(Method method) => new(
        0, 0, TestTuples.Samples(method, Images, 0, arange(Images)), zeros(Images, int64),
        [.. Enumerable.Range(0, method.Views).Select(v => Numbers.Normal(Images, 3, 8, 8).roll(v, 0).to(float64) + (0.1 * v))]);

    private static (double Loss, Tensor Gradient) Gradient(Method method, IEmbedder embedder, ViewBatch batch)
    {
        method.Encoder.Parameters.Gradients.zero_();
        var loss = method.Compare(batch, embedder.Embed(batch));
        embedder.Backward(loss);
        return (loss.ToDouble(), method.Encoder.Parameters.Gradients.clone());
    }
}
