using Onnx;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Export.Onnx;
using SelfSup.Models;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export.Onnx;

/// <summary>What is in an exported file, and what is refused.</summary>
public sealed class OnnxFileTests : IDisposable
{
    private static readonly EncoderOptions _thin = new() { Backbone = "resnet20", Width = 0.5, Head = new() { Output = 16 } };
    private static readonly EncoderOptions _vit = new()
    {
        Backbone = "vitTiny",
        Vit = new() { Depth = 1, PatchSize = 8, ImageSize = 32 },
        Head = new() { BatchNorm = HeadNorm.None },
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WeightsHaveTheNamesAndValuesThatTheyHaveInTheNetwork()
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(new EncoderOptions { Backbone = "resnet18" });
        var model = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions()));
        var weights = model.Graph.Initializer.ToDictionary(weight => weight.Name);
        Assert.Equal(
            encoder.Backbone.Keys.Where(name => !name.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Order(),
            weights.Keys.Order());
        foreach (var (name, weight) in weights)
        {
            Assert.Equal(encoder.Backbone[name].shape, weight.Dims.ToArray());
            Assert.True(encoder.Backbone[name].contiguous().bytes.SequenceEqual(weight.RawData.Span), name);
        }

        Assert.Equal((8, 17), (model.IrVersion, model.OpsetImport.Single().Version));
        Assert.Equal(("SelfSup", "1.2.3"), (model.ProducerName, model.ProducerVersion));
        Assert.Equal(model.Graph.Node.Count, model.Graph.Node.Select(node => node.Name).Distinct().Count());
        Assert.Contains("layer3.1.conv2/Conv", model.Graph.Node.Select(node => node.Name));
    }

    [Fact]
    public void AFileSaysWhatItTakesAndGives()
    {
        using var encoder = OnnxNetworks.Create(_thin);
        var model = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions { Part = ExportPart.All, L2 = true, ImageSize = 40 }));
        Assert.Equal("images: N x 3 x 40 x 40", Shape(Assert.Single(model.Graph.Input)));
        Assert.Equal(["embeddings: N x 16", "features: N x 32"], model.Graph.Output.Select(Shape));
        Assert.All(model.Graph.Input.Concat(model.Graph.Output), value => Assert.NotEmpty(value.DocString));
        var metadata = model.MetadataProps.ToDictionary(entry => entry.Key, entry => entry.Value);
        var expected = (OnnxSession.Card(32) with { ImageSize = 40 }).Metadata();
        Assert.All(expected, entry => Assert.Equal(entry.Value, metadata[entry.Key]));
        Assert.Equal(
            ("all", "normalized", "float32", "true", "false"),
            (metadata["selfsup.part"], metadata["selfsup.input"], metadata["selfsup.dtype"], metadata["selfsup.l2"], metadata["selfsup.batchNormFolded"]));

        var bytes = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions { Input = OnnxInput.Uint8 }));
        Assert.Equal("images: N x 32 x 32 x 3", Shape(Assert.Single(bytes.Graph.Input)));
        var head = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions { Part = ExportPart.Head }));
        Assert.Equal("features: N x 32", Shape(Assert.Single(head.Graph.Input)));
        Assert.DoesNotContain(head.Graph.Initializer, weight => !weight.Name.StartsWith("head.", StringComparison.Ordinal));
    }

    [Fact]
    public void FoldingLeavesNoNormalisation()
    {
        using var encoder = OnnxNetworks.Create(_thin);
        var plain = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions { Part = ExportPart.All }));
        Assert.Equal(20, plain.Graph.Node.Count(node => node.OpType == "BatchNormalization"));
        var folded = ModelProto.Parser.ParseFrom(OnnxSession.Bytes(encoder, new OnnxOptions { Part = ExportPart.All, FoldBatchNorm = true }));
        Assert.Equal(plain.Graph.Node.Count - 20, folded.Graph.Node.Count);
        Assert.DoesNotContain(folded.Graph.Node, node => node.OpType == "BatchNormalization");
    }

    [Fact]
    public void Float16HalvesTheFile()
    {
        using var encoder = OnnxNetworks.Create(_vit);
        var (whole, half) = (OnnxSession.Bytes(encoder, new OnnxOptions()).Length, OnnxSession.Bytes(encoder, new OnnxOptions { Weights = ScalarType.Float16 }).Length);
        Assert.InRange(half, 0.49 * whole, 0.51 * whole);
    }

    [Fact]
    public void TheSameNetworkGivesTheSameFileOnAnyLayout()
    {
        using var planes = Encoder.Create(_thin, 3, new Compute(CPU, SelfSup.Tensors.Precision.Float32, ChannelsLast: false));
        using var pixels = Encoder.Create(_thin, 3, new Compute(CPU, SelfSup.Tensors.Precision.Float32, ChannelsLast: true));
        var options = new OnnxOptions { Part = ExportPart.All, FoldBatchNorm = true };
        Assert.Equal(OnnxSession.Bytes(planes, options), OnnxSession.Bytes(pixels, options));
    }

    /// <summary>As weights of more than two gigabytes need it, which no reader of protobuf takes in one piece.</summary>
    [Theory]
    [InlineData("resnet20")]
    [InlineData("vitTiny")]
    public void WeightsMayHaveAFileOfTheirOwn(string backbone)
    {
        using var scope = NewDisposeScope();
        using var encoder = OnnxNetworks.Create(backbone == "vitTiny" ? _vit : _thin);
        var model = new OnnxExporter(new OnnxOptions { Part = ExportPart.All, L2 = true }).Build(encoder, OnnxSession.Card(32));
        Assert.False(model.NeedsWeightsFile);
        using (var main = File.Create(_folder.File("network.onnx")))
        using (var weights = File.Create(_folder.File("network.onnx.data")))
        {
            model.Write(main, "network.onnx.data");
            model.WriteWeights(weights);
            Assert.True(weights.Length > 5 * main.Length, $"{weights.Length} bytes of weights, {main.Length} of the graph");
        }

        var proto = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_folder.File("network.onnx")));
        var places = proto.Graph.Initializer.Where(weight => weight.DataLocation == TensorProto.Types.DataLocation.External)
            .Select(weight => long.Parse(weight.ExternalData.Single(entry => entry.Key == "offset").Value)).ToArray();
        Assert.NotEmpty(places);
        Assert.All(places, place => Assert.Equal(0, place % 4096));

        using var session = new OnnxSession(_folder.File("network.onnx"));
        var images = Numbers.Normal(3, 3, 32, 32);
        Assert.InRange(OnnxNetworks.Distance(Encoder.Unit(OnnxNetworks.Of(encoder, images)), session.Run(images)["features"]), 0, 1e-5);
    }

    [Fact]
    public void AResNet152ThreeTimesAsWideNeedsAFileOfItsOwn()
    {
        // Nothing is computed: only sizes are looked at.
        var graph = new OnnxGraph();
        graph.Constant("weights", ScalarType.Float32, [500_000_000], () => throw new InvalidOperationException());
        var model = new OnnxModel(new ModelProto(), graph);
        Assert.False(model.NeedsWeightsFile);
        graph.Constant("more", ScalarType.Float32, [50_000_000], () => throw new InvalidOperationException());
        Assert.True(model.NeedsWeightsFile);
    }

    /// <summary>Where one of the two files cannot be written, both that were there before still are.</summary>
    [Theory]
    [InlineData("network.onnx")]
    [InlineData("network.onnx.data")]
    [InlineData(null)]
    public void AnEarlierModelKeepsItsWeights(string? full)
    {
        var (path, weights) = (_folder.Write("network.onnx", [1]), _folder.Write("network.onnx.data", [2]));
        var graph = new OnnxGraph();
        graph.Constant("weights", ScalarType.Float32, [1000], () => ones(1000));
        var model = new OnnxModel(new ModelProto { ProducerName = new string('x', 1000) }, graph, largestFile: 100);
        void Write(string file, Action<Stream> content) => DurableFile.Write(file, stream =>
        {
            using var limited = new LimitedStream(stream, Path.GetFileName(file) == full ? 10 : long.MaxValue);
            content(limited);
        });
        if (full is null)
        {
            model.Write(path, Write);
            Assert.Equal(4000, new FileInfo(weights).Length);
            Assert.Equal("network.onnx.data", Assert.Single(ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Initializer).ExternalData[0].Value);
            return;
        }

        Assert.Throws<IOException>(() => model.Write(path, Write));
        Assert.Equal([1], File.ReadAllBytes(path));
        Assert.Equal([2], File.ReadAllBytes(weights));
        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void WhatDoesNotFitIsRefusedInOneLine()
    {
        using var thin = OnnxNetworks.Create(_thin);
        using var vit = OnnxNetworks.Create(_vit);
        Refuses("--fold-batchnorm: what is exported has no batch normalisation behind a layer; leave it out", vit, new() { FoldBatchNorm = true });
        Refuses("--softmax: is of a classifier, which the run has not trained; leave it out", thin, new() { Part = ExportPart.All, Softmax = true });
        Refuses("--softmax: is of a classifier, which --part all exports; name it or leave --softmax out", thin, new() { Softmax = true });
        Refuses(
            "--part head: takes features, not images; leave --normalize-input, --input and --image-size out",
            thin,
            new() { Part = ExportPart.Head, Input = OnnxInput.Uint8 });
        Refuses("--dtype: is BFloat16, must be float32 or float16 in an ONNX file; change it", thin, new() { Weights = ScalarType.BFloat16 });
        Refuses("--image-size: must be between 1 and 16384, is 0; change it", thin, new() { ImageSize = 0 });
        Refuses(
            "--image-size: is 36, must be a multiple of 8, the side of a patch; change it",
            vit,
            new() { ImageSize = 36 });
        Refuses(
            "--normalize-input: images of this run are not normalised, but R, G, B in 0 to 1; leave it out",
            thin,
            new() { NormalizeInput = true },
            OnnxSession.Card(32) with { Mean = [], StandardDeviation = [] });
    }

    [Fact]
    public void AValueThatFloat16DoesNotHaveIsNamed()
    {
        using var encoder = OnnxNetworks.Create(_thin);
        using (no_grad())
        {
            encoder.Backbone["conv1.weight"].mul_(1e6);
        }

        var error = Assert.Throws<RecipeException>(() => OnnxSession.Bytes(encoder, new OnnxOptions { Weights = ScalarType.Float16 }));
        Assert.Matches(@"^--dtype float16: 'conv1\.weight' has values up to \S+, must be below 65504 to be one; write float32$", error.Message);
    }

    private static void Refuses(string message, Encoder encoder, OnnxOptions options, ModelCard? card = null)
    {
        var error = Assert.Throws<RecipeException>(() => OnnxSession.Bytes(encoder, options, card));
        Assert.Equal(message, error.Message);
    }

    private static string Shape(ValueInfoProto value) => $"{value.Name}: " + string.Join(
        " x ",
        value.Type.TensorType.Shape.Dim.Select(size => size.DimParam.Length > 0 ? size.DimParam : $"{size.DimValue}"));
}
