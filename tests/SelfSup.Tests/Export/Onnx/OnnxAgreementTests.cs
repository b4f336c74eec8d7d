using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Export.Onnx;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export.Onnx;

/// <summary>
/// ONNX Runtime makes of the same images what SelfSup makes of them. Differences of features are in units of the largest value, those of
/// embeddings are of unit vectors' values.
/// </summary>
public sealed class OnnxAgreementTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-5;
    private const double HalfTolerance = 5e-3;

    private static readonly OnnxOptions _all = new() { Part = ExportPart.All };
    private static readonly OnnxOptions _unit = new() { Part = ExportPart.All, L2 = true };

    public static TheoryData<string> Backbones => [.. ResNetArchitecture.Names, .. VisionTransformerArchitecture.Names];

    [Theory]
    [MemberData(nameof(Backbones))]
    public void EveryBackboneAgrees(string backbone) => Agrees(new EncoderOptions { Backbone = backbone, Vit = Vit(backbone) }, backbone);

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    [InlineData("resnet20")]
    [InlineData("resnet56")]
    public void NormalisationsMayBeFolded(string backbone) => Agrees(
        new EncoderOptions { Backbone = backbone },
        $"{backbone}, folded",
        new OnnxOptions { Part = ExportPart.All, L2 = true, FoldBatchNorm = true });

    [Theory]
    [InlineData("resnet18", false)]
    [InlineData("resnet18", true)]
    [InlineData("resnet50", true)]
    [InlineData("resnet20", false)]
    [InlineData("resnet20", true)]
    [InlineData("vitTiny", false)]
    public void Float16ComesClose(string backbone, bool fold) => Agrees(
        new EncoderOptions { Backbone = backbone, Vit = Vit(backbone) },
        $"{backbone}, float16{(fold ? ", folded" : "")}",
        new OnnxOptions { Part = ExportPart.All, L2 = true, FoldBatchNorm = fold, Weights = ScalarType.Float16 },
        HalfTolerance,
        atLeast: 1e-5);

    [Theory]
    [InlineData("resnet18", Stem.Small, 1, NormKind.Batch, 32)]
    [InlineData("resnet50", Stem.Small, 0.5, NormKind.Batch, 24)]
    [InlineData("resnet18", Stem.ImageNet, 1.5, NormKind.Group, 48)]
    [InlineData("resnet50", Stem.Small, 0.25, NormKind.Group, 17)]
    [InlineData("resnet18", Stem.ImageNet, 0.3, NormKind.Batch, 8)] // one pixel in the last stage
    [InlineData("resnet20", null, 0.25, NormKind.Group, 28)]
    [InlineData("resnet20", null, 3, NormKind.Batch, 31)] // an odd side: every second pixel, the last included
    [InlineData("resnet32", null, 0.7, NormKind.Group, 32)] // an odd number of new channels
    internal void StemsWidthsAndNormalisationsAgree(string backbone, Stem? stem, double width, NormKind norm, int size) => Agrees(
        new EncoderOptions { Backbone = backbone, Stem = stem, Width = width, Norm = norm, ZeroInitResidual = true },
        $"{backbone}, {stem}, {width}, {norm}, {size}",
        size: size);

    [Theory]
    [InlineData(PositionKind.Learned, TokenPool.Token, 16, 32, 32, null)]
    [InlineData(PositionKind.Learned, TokenPool.Mean, 4, 16, 16, 6)]
    [InlineData(PositionKind.SinCos, TokenPool.Token, 8, 32, 48, 12)] // positions for another size
    [InlineData(PositionKind.SinCos, TokenPool.Mean, 7, 28, 21, 1)]
    [InlineData(PositionKind.Learned, TokenPool.Mean, 5, 25, 40, null)]
    [InlineData(PositionKind.Learned, TokenPool.Token, 16, 32, 16, null)] // a single patch
    internal void VisionTransformersAgree(PositionKind positions, TokenPool pool, int patch, int madeFor, int size, int? heads) => Agrees(
        new EncoderOptions
        {
            Backbone = "vitTiny",
            Vit = new()
            {
                PatchSize = patch,
                ImageSize = madeFor,
                Positions = positions,
                Pool = pool,
                Depth = 3,
                Heads = heads,
                FreezePatchProjection = positions == PositionKind.SinCos,
            },
        },
        $"vitTiny, {positions}, {pool}, {patch}, {size}",
        size: size);

    public static TheoryData<int, HeadNorm, bool, HeadActivation, int, bool?> Heads => new()
    {
        { 1, HeadNorm.None, true, HeadActivation.Relu, 0, null },
        { 1, HeadNorm.All, true, HeadActivation.Relu, 0, null },
        { 2, HeadNorm.None, true, HeadActivation.Gelu, 0, null },
        { 2, HeadNorm.Hidden, true, HeadActivation.Relu, 1, null },
        { 3, HeadNorm.All, false, HeadActivation.Relu, 1, true }, // a bias before a normalisation that learns nothing
        { 3, HeadNorm.Hidden, true, HeadActivation.Gelu, 2, false },
        { 4, HeadNorm.None, true, HeadActivation.Gelu, 3, false },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    internal void HeadsAgree(int layers, HeadNorm norm, bool affine, HeadActivation activation, int kept, bool? bias)
    {
        var options = new EncoderOptions
        {
            Backbone = "resnet20",
            Width = 0.25,
            Head = new HeadOptions
            {
                Layers = layers,
                Hidden = layers == 1 ? null : 24,
                Output = 10,
                BatchNorm = norm,
                OutputAffine = affine,
                Activation = activation,
                Kept = kept,
                HiddenBias = layers == 1 ? null : bias,
                OutputBias = bias,
            },
        };
        Agrees(options, $"head of {layers}, {norm}");
        Agrees(options, $"head of {layers}, {norm}, folded", new OnnxOptions { Part = ExportPart.All, FoldBatchNorm = true });

        // The head alone takes what the backbone alone gives.
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(options);
        using var backbone = new OnnxSession(encoder, new OnnxOptions());
        using var head = new OnnxSession(encoder, new OnnxOptions { Part = ExportPart.Head });
        var images = Numbers.Normal(5, 3, 32, 32);
        var features = Assert.Single(backbone.Run(images));
        Assert.Equal("features", features.Key);
        Assert.Equal("features", head.Session.InputNames.Single());
        var embeddings = Assert.Single(head.Run(features.Value));
        Assert.Equal("embeddings", embeddings.Key);
        Assert.InRange(OnnxNetworks.Distance(OnnxNetworks.Projections(encoder, images), embeddings.Value), 0, Tolerance);
    }

    [Theory]
    [InlineData(ScalarType.Float32, Tolerance)]
    [InlineData(ScalarType.Float16, HalfTolerance)]
    public void AFileThatNormalisesTakesSharesAndBytes(ScalarType weights, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(new EncoderOptions { Backbone = "resnet20", Width = 0.5 });
        var card = OnnxSession.Card(32);
        using var shares = new OnnxSession(encoder, new OnnxOptions { NormalizeInput = true, Weights = weights });
        using var bytes = new OnnxSession(encoder, new OnnxOptions { Input = OnnxInput.Uint8, Weights = weights });
        var pixels = (Numbers.Normal(17, 32, 32, 3) * 70 + 128).clamp(0, 255).to(ScalarType.Byte);
        var rgb = pixels.permute(0, 3, 1, 2).to(float32) / 255;
        var expected = OnnxNetworks.Of(
            encoder, (rgb - tensor(card.Mean.ToArray(), dtype: float32).view(1, 3, 1, 1)) / tensor(card.StandardDeviation.ToArray(), dtype: float32).view(1, 3, 1, 1));
        Assert.InRange(OnnxNetworks.Distance(expected, shares.Run(rgb)["features"]), 0, tolerance);
        Assert.InRange(OnnxNetworks.Distance(expected, bytes.Run(pixels)["features"]), 0, tolerance);
        Assert.Equal(("rgb", "bytes"), (shares.Metadata["selfsup.input"], bytes.Metadata["selfsup.input"]));

        // A run without normalisation has nothing to work in, and bytes still become shares.
        using var plain = new OnnxSession(
            encoder, new OnnxOptions { Input = OnnxInput.Uint8, Weights = weights }, card with { Mean = [], StandardDeviation = [] });
        Assert.InRange(OnnxNetworks.Distance(OnnxNetworks.Of(encoder, rgb), plain.Run(pixels)["features"]), 0, tolerance);
    }

    [Fact]
    public void AClassifierGivesLogitsAndProbabilities()
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(
            new EncoderOptions { Backbone = "resnet20", Width = 0.25 }, widths => [("classifier", nn.Linear(widths.Judged, 7))]);
        var images = Numbers.Normal(17, 3, 32, 32);
        using var session = new OnnxSession(encoder, new OnnxOptions { Part = ExportPart.All, L2 = true, Softmax = true });
        var results = session.Run(images);
        Assert.Equal(["logits", "probabilities", "features"], session.Session.OutputNames);
        var logits = Classification.Logits(encoder, OnnxNetworks.Of(encoder, images))!;
        Assert.InRange(OnnxNetworks.Distance(logits, results["logits"]), 0, Tolerance);
        Assert.InRange(OnnxNetworks.Distance(logits.softmax(1), results["probabilities"]), 0, Tolerance);
        var error = Assert.Throws<RecipeException>(() => OnnxSession.Bytes(encoder, new OnnxOptions { Part = ExportPart.Head }));
        Assert.StartsWith("--part: is head, which a run of classification does not train;", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Weights that do not learn, and images of one colour: the head's results may be zero.</summary>
    [Fact]
    public void AVectorOfZerosStaysOneUnderL2()
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new() { Layers = 1, OutputBias = false } });
        using (no_grad())
        {
            encoder.State.Single(entry => entry.Name == "head.layers.0.weight").Value.zero_();
        }

        using var session = new OnnxSession(encoder, _unit);
        Assert.Equal(0, session.Run(Numbers.Normal(2, 3, 32, 32))["embeddings"].abs().max().ToDouble());
    }

    private static VisionTransformerOptions? Vit(string backbone) =>
        VisionTransformerArchitecture.Has(backbone) ? new() { PatchSize = 8, ImageSize = 32 } : null;

    private void Agrees(
        EncoderOptions options, string what, OnnxOptions? onnx = null, double tolerance = Tolerance, int size = 32, double atLeast = 0)
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(options);
        onnx ??= _all;
        using var session = new OnnxSession(encoder, onnx, OnnxSession.Card(size));
        foreach (var count in new[] { 1, 17 })
        {
            var images = Numbers.Normal(count, 3, size, size);
            var results = session.Run(images);
            var features = OnnxNetworks.Of(encoder, images);
            Assert.True(features.std().ToDouble() > 0);
            var ofFeatures = OnnxNetworks.Distance(onnx.L2 ? Encoder.Unit(features) : features, results["features"]);
            var expected = OnnxNetworks.Of(encoder, images, Representation.Embeddings);
            var ofEmbeddings = (expected - (onnx.L2 ? results["embeddings"] : Encoder.Unit(results["embeddings"]))).abs().max().ToDouble();
            output.WriteLine($"{what}, {count} images: features {ofFeatures:0.0e0}, embeddings {ofEmbeddings:0.0e0}");
            Assert.InRange(ofFeatures, atLeast, tolerance);
            Assert.InRange(ofEmbeddings, 0, tolerance);
            if (!onnx.L2)
            {
                Assert.InRange(OnnxNetworks.Distance(OnnxNetworks.Projections(encoder, images), results["embeddings"]), 0, tolerance);
            }
        }
    }
}
