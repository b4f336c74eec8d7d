using System.Text.Json;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export;

/// <summary>What a file of ours holds, and that it comes back.</summary>
public sealed class SafeTensorsExporterTests : IDisposable
{
    private const string Yaml = """
        data: { path: nowhere }
        views: [ { randomResizedCrop: { size: 16 } }, { normalize: { mean: [0.5, 0.4, 0.3], standardDeviation: [0.2, 0.2, 0.25] } } ]
        encoder: { backbone: resnet18, width: 0.125, head: { output: 8 } }
        method: METHOD
        optimizer: { name: sgd }
        schedule: { name: cosine, learningRate: 0.06 }
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly RecipeReader _reader = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryPartHasTheNamesThatPythonLoads()
    {
        using var encoder = New("{ name: simclr }", null);
        string[] backbone = [.. encoder.Backbone.Keys];
        string[] head = ["layers.0.weight", "layers.1.bias", "layers.1.num_batches_tracked", "layers.1.running_mean", "layers.1.running_var", "layers.1.weight", "layers.3.bias", "layers.3.weight"];
        Assert.Equal(backbone.Order(), Names(encoder, ExportPart.Backbone));
        Assert.Equal(head, Names(encoder, ExportPart.Head));
        Assert.Equal(backbone.Concat(head.Select(name => "head." + name)).Order(), Names(encoder, ExportPart.All));
    }

    /// <summary>torchvision's resnet18(num_classes=K) has these names and no other; timm's vision transformers say head.</summary>
    [Fact]
    public void AClassifierIsFcOrHead()
    {
        using var encoder = New("{ name: classification }", 5);
        Assert.Equal([.. encoder.Backbone.Keys.Order(), "fc.bias", "fc.weight"], Names(encoder, ExportPart.All).OrderBy(name => name.StartsWith("fc", StringComparison.Ordinal)));
        Assert.Equal(encoder.Backbone.Keys.Order(), Names(encoder, ExportPart.Backbone));
        Assert.StartsWith(
            "--part: is head, which a run of classification does not train",
            Assert.Throws<RecipeException>(() => Names(encoder, ExportPart.Head)).Message,
            StringComparison.Ordinal);
        var vit = new EncoderOptions { Backbone = "vitTiny", Vit = new() { Depth = 1 } };
        using var transformer = Encoder.Create(vit, 1, Computing.Cpu, Classification.Parts(5));
        Assert.Equal([.. transformer.Backbone.Keys, "head.bias", "head.weight"], NetworkNames.Of(transformer, ExportPart.All).Keys.OrderBy(name => name.StartsWith("head", StringComparison.Ordinal)).ThenBy(name => name.StartsWith("head", StringComparison.Ordinal) ? name : ""));
    }

    [Theory]
    [InlineData("float32", 0)]
    [InlineData("float16", 2e-3)]
    [InlineData("bfloat16", 2e-2)]
    public void EmbeddingsComeFromAFileOfEverything(string type, double error)
    {
        using var encoder = New("{ name: simclr }", null);
        var path = Write(encoder, "{ name: simclr }", ExportPart.All, Enum.Parse<ScalarType>(type, ignoreCase: true));
        using var loaded = TrainedBackbone.Load(path, _reader, CPU, Representation.Embeddings);
        using var scope = NewDisposeScope();
        var images = Numbers.Normal(4, 3, 16, 16);
        var (expected, actual) = (Eval(encoder, images, Representation.Embeddings), Eval(loaded.Encoder, images, Representation.Embeddings));
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, error);
        using var features = TrainedBackbone.Load(path, _reader, CPU);
        Assert.InRange((Eval(encoder, images, Representation.Features) - Eval(features.Encoder, images, Representation.Features)).abs().max().item<float>(), 0, error);
    }

    [Fact]
    public void AClassifierComesBackWithTheNamesOfItsClasses()
    {
        const string Method = "{ name: classification }";
        using var encoder = New(Method, 3);
        var path = Write(encoder, Method, ExportPart.All, null, ["cat", "Ähre \"x\"", "dog"]);
        using var loaded = TrainedBackbone.Load(path, _reader, CPU);
        Assert.Equal(["cat", "Ähre \"x\"", "dog"], loaded.Card.Classes);
        using var scope = NewDisposeScope();
        var images = Numbers.Normal(4, 3, 16, 16);
        var logits = Classification.Logits(encoder, Eval(encoder, images, Representation.Features))!;
        Assert.True(logits.equal(Classification.Logits(loaded.Encoder, Eval(loaded.Encoder, images, Representation.Features))!).all().item<bool>());
        Assert.Contains("without its head", Refused(path, Representation.Embeddings), StringComparison.Ordinal);

        // And exports again as it was.
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Write(loaded.Encoder, Method, ExportPart.All, null, loaded.Card.Classes, "again")));
    }

    [Fact]
    public void AFileSaysHowImagesArePreparedForIt()
    {
        using var encoder = New("{ name: classification }", 2);
        using var file = TensorFile.Open(Write(encoder, "{ name: classification }", ExportPart.All, ScalarType.Float16, ["a", "b"]));
        var metadata = file.Metadata;
        Assert.Equal("pt", metadata["format"]);
        Assert.Equal("all", metadata["selfsup.part"]);
        Assert.Equal("classification", metadata["selfsup.method"]);
        Assert.Equal("resnet18", metadata["selfsup.backbone"]);
        Assert.Equal("16", metadata["selfsup.imageSize"]);
        Assert.Equal("0.5, 0.4, 0.3", metadata["selfsup.normalizeMean"]);
        Assert.Equal("0.2, 0.2, 0.25", metadata["selfsup.normalizeStandardDeviation"]);
        Assert.Equal("2.5", metadata["selfsup.epochs"]);
        Assert.Equal("hash", metadata["selfsup.recipeHash"]);
        Assert.Equal(["a", "b"], JsonSerializer.Deserialize<string[]>(metadata["selfsup.classes"])!);
        Assert.All(file.Tensors, t => Assert.Equal(BackboneFile.IsCounter(t.Key) ? ScalarType.Int64 : ScalarType.Float16, t.Value.Type));
    }

    [Fact]
    public void AHeadAloneIsNoBackbone()
    {
        using var encoder = New("{ name: simclr }", null);
        var path = Write(encoder, "{ name: simclr }", ExportPart.Head, null);
        Assert.Equal($"{path}: holds a projection head alone, must have a backbone; name the run, or a file exported with --part all", Refused(path, Representation.Features));
        using var warm = WarmStart.Load(path, _ => { });
        Assert.StartsWith($"init.from: {path}: holds a projection head alone", Assert.Throws<RecipeException>(() => warm.Fit(encoder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("backbone")]
    [InlineData("all")]
    public void EveryPartBeginsARun(string part)
    {
        using var encoder = New("{ name: simclr }", null);
        using var fresh = Encoder.Create(Recipe("{ name: simclr }").Encoder!, 77, Computing.Cpu);
        using var warm = WarmStart.Load(Write(encoder, "{ name: simclr }", Enum.Parse<ExportPart>(part, ignoreCase: true), null), _ => { });
        warm.ApplyTo(fresh);
        var fit = warm.Fit(fresh);
        Assert.Equal((fit.Tensors, 0, 0), (fit.Taken, fit.Unused.Count, fit.OtherShape.Count));
        Assert.Equal(part == "all" ? 0 : 7, fit.Absent.Count);
        Assert.Null(fit.Warning);
        Assert.Null(fit.Layout);
        Assert.True(encoder.State.Where(t => part == "all" || t.Name.StartsWith("backbone.", StringComparison.Ordinal)).All(t =>
            t.Value.equal(fresh.State.Single(other => other.Name == t.Name).Value).all().item<bool>()));
    }

    /// <summary>Who trains on goes on with the classifier, in a file of ours; in those of others it is for other classes.</summary>
    [Fact]
    public void AClassifierIsTakenFromOurFiles()
    {
        const string Method = "{ name: classification }";
        using var encoder = New(Method, 3);
        using var fresh = Encoder.Create(Recipe(Method).Encoder!, 77, Computing.Cpu, Classification.Parts(3));
        var path = Write(encoder, Method, ExportPart.All, null);
        using (var warm = WarmStart.Load(path, _ => { }))
        {
            warm.ApplyTo(fresh);
            Assert.True(Classification.Classifier(encoder)!.weight!.equal(Classification.Classifier(fresh)!.weight!).all().item<bool>());
            Assert.Empty(warm.Fit(fresh).Unused);
        }

        var tensors = SafeTensors.Read(path, out _);
        using (var stream = File.Create(path))
        {
            SafeTensors.Write(stream, tensors);
        }

        using var foreign = WarmStart.Load(path, _ => { });
        Assert.Equal(["fc.bias", "fc.weight"], foreign.Fit(fresh).Unused.Order());
    }

    /// <summary>What other programs trained is judged with a recipe that says what it is.</summary>
    [Fact]
    public void WeightsOfOthersNeedARecipe()
    {
        using var encoder = New("{ name: simclr }", null);
        var path = _folder.File("moco.safetensors");
        using (var stream = File.Create(path))
        {
            SafeTensors.Write(stream, encoder.Backbone.Select(t => KeyValuePair.Create("state_dict.module.encoder_q." + t.Key, t.Value)));
        }

        Assert.EndsWith("name one of the same architecture by --recipe, or a file that SelfSup wrote", Refused(path, Representation.Features), StringComparison.Ordinal);
        using var loaded = TrainedBackbone.Load(path, _reader, CPU, null, foreign: Recipe("{ name: simclr }"));
        using var scope = NewDisposeScope();
        var images = Numbers.Normal(2, 3, 16, 16);
        Assert.True(Eval(encoder, images, Representation.Features).equal(Eval(loaded.Encoder, images, Representation.Features)).all().item<bool>());
        var own = Write(encoder, "{ name: simclr }", ExportPart.Backbone, null);
        Assert.StartsWith(
            "--recipe: is of weights of another program",
            Assert.Throws<RecipeException>(() => TrainedBackbone.Load(own, _reader, CPU, null, foreign: Recipe("{ name: simclr }"))).Message,
            StringComparison.Ordinal);
    }

    private static Tensor Eval(Encoder encoder, Tensor images, Representation of) => FeatureExtractor.Forward(encoder, images, Computing.Cpu, of);

    private Recipe Recipe(string method) => _reader.ReadText(Yaml.Replace("METHOD", method, StringComparison.Ordinal), "test");

    /// <summary>With statistics that are not those of the beginning.</summary>
    private Encoder New(string method, int? classes)
    {
        var encoder = Encoder.Create(Recipe(method).Encoder!, 5, Computing.Cpu, classes is { } count ? Classification.Parts(count) : null);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        _ = encoder.Embed(Numbers.Normal(8, 3, 16, 16));
        return encoder;
    }

    private string[] Names(Encoder encoder, ExportPart part)
    {
        using var file = TensorFile.Open(Write(encoder, "{ name: simclr }", part, null));
        return [.. file.Tensors.Keys.Order()];
    }

    private string Write(Encoder encoder, string method, ExportPart part, ScalarType? floats, IReadOnlyList<string>? classes = null, string name = "x")
    {
        var path = _folder.File(name + ".safetensors");
        using var stream = File.Create(path);
        new SafeTensorsExporter(part, floats).Write(encoder, ModelCards.Of(Recipe(method), _reader, "hash", 2.5) with { Classes = classes ?? [] }, stream);
        return path;
    }

    private string Refused(string path, Representation of) => Assert.Throws<CheckpointException>(() => TrainedBackbone.Load(path, _reader, CPU, of)).Message;
}
