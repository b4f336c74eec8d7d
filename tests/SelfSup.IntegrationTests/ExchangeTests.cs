using System.Text.Json;

using SelfSup.Augmentation;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.IntegrationTests.Support;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.IntegrationTests;

/// <summary>
/// The networks of torchvision with our weights, and ours with torchvision's: both sides are handed the same tensors, so that what
/// is compared are networks and not how images are resampled. The variable <c>SELFSUP_PHOTOS</c> adds a folder of photographs.
/// </summary>
public sealed class ExchangeTests : IDisposable
{
    private readonly Workspace _workspace = new();
    private readonly RecipeReader _reader = new();

    public ExchangeTests()
    {
        PythonTorch.Require();
        TorchRuntime.Initialise(null);
        set_num_threads(1);
    }

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    public void TorchvisionLoadsAnExport(string backbone)
    {
        using var scope = NewDisposeScope();
        var pictures = Pictures();

        // From weights in use, on the pictures, and so many steps that running statistics are those of the network: else features
        // could be of any size.
        PythonTorch.Run(_workspace["."], "make", backbone, "safetensors", "begin.safetensors", "pictures.safetensors", "theirs.safetensors");
        _workspace.Pretrain(
            "run",
            [
                .. Of(backbone), "--set", "init.from=begin.safetensors", "--set", $"data={{ path: '{Folder()}', limit: 32 }}", "--set", "evaluation.test=",
                "--set", "views=[{ randomResizedCrop: { size: 64, scale: [0.5, 1] } }, { normalize: { mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225] } }]",
                "--set", "training={ epochs: 6, globalBatchSize: 8 }", "--set", "schedule.learningRate=0.005",
            ]).Succeeds();
        _workspace.Run("export", "run", "--format", "safetensors", "--out", "x.safetensors").Succeeds();
        Assert.Equal(File.ReadAllBytes(_workspace["run", "backbone.safetensors"]), File.ReadAllBytes(_workspace["x.safetensors"]));
        PythonTorch.Run(_workspace["."], "features", backbone, "x.safetensors", "pictures.safetensors", "theirs.safetensors");
        using var trained = TrainedBackbone.Load(_workspace["run"], _reader, CPU);
        Agree(Features(trained, pictures));
    }

    [Theory]
    [InlineData("resnet18", "safetensors")]
    [InlineData("resnet18", "legacy")]
    [InlineData("resnet18", "lightly")]
    [InlineData("resnet50", "plain")]
    [InlineData("vit", "plain")]
    public void TorchvisionsWeightsAreTaken(string backbone, string layout)
    {
        using var scope = NewDisposeScope();
        var pictures = Pictures(backbone == "vit" ? 32 : 96);
        PythonTorch.Run(_workspace["."], "make", backbone, layout, "w.pth", "pictures.safetensors", "theirs.safetensors");
        using var imported = TrainedBackbone.Load(_workspace["w.pth"], _reader, CPU, foreign: Recipe(backbone));
        Agree(Features(imported, pictures));

        if (layout is not ("safetensors" or "plain") || backbone == "vit")
        {
            return;
        }

        // And what they become here is what they were.
        File.WriteAllText(_workspace["other.yaml"], RecipeWriter.Yaml(Recipe(backbone)));
        _workspace.Run("export", "w.pth", "--recipe", "other.yaml", "--out", "again.safetensors").Succeeds();
        PythonTorch.Run(_workspace["."], "features", backbone, "again.safetensors", "pictures.safetensors", "theirs.safetensors");
        Agree(Features(imported, pictures));
    }

    /// <summary>Both encoders, a head on each, a queue and an optimizer are in the file; the query encoder is what one wants.</summary>
    [Fact]
    public void ACheckpointAsMoCoWritesIt()
    {
        using var scope = NewDisposeScope();
        var pictures = Pictures();
        PythonTorch.Run(_workspace["."], "make", "resnet18", "moco", "moco.pth.tar", "pictures.safetensors", "theirs.safetensors");
        using (var imported = TrainedBackbone.Load(_workspace["moco.pth.tar"], _reader, CPU, foreign: Recipe("resnet18")))
        {
            Agree(Features(imported, pictures));
        }

        // A step that changes nothing: what a run begins with is in its checkpoint.
        var outcome = _workspace.Pretrain(
            "run", [.. Of("resnet18"), "--set", "init.from=moco.pth.tar", "--set", "training.maxSteps=1", "--set", "schedule.learningRate=1e-30"]).Succeeds();
        Assert.Contains("begins with 100 of 101 tensors of ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("moco.pth.tar (MoCo: state_dict.module.encoder_q.)", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("1 there are not used: state_dict.module.encoder_q.fc.0.weight", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(
            "beside it in the file: state_dict.module.encoder_k. (121, a copy of the network, for init.prefix), state_dict.module.queue (1), "
            + "state_dict.module.queue_ptr (1)",
            outcome.Output,
            StringComparison.Ordinal);
        using var theirs = TensorFile.Open(_workspace["moco.pth.tar"]);
        using var ours = TensorFile.Open(_workspace["run", "backbone.safetensors"]);
        foreach (var name in ours.Tensors.Keys.Where(name => name.EndsWith(".weight", StringComparison.Ordinal)))
        {
            Assert.Equal(theirs.Read($"state_dict.module.encoder_q.{name}").data<float>().ToArray(), ours.Read(name).data<float>().ToArray());
        }

        _workspace.Pretrain("key", [.. Of("resnet18"), "--set", "init={ from: moco.pth.tar, prefix: state_dict.module.encoder_k }", "--set", "training.maxSteps=1"])
            .Succeeds();
        Assert.Contains("state_dict.module.encoder_k.", File.ReadAllText(_workspace["key", "history.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public void TorchvisionClassifiesAsWeDo()
    {
        File.WriteAllText(
            _workspace["classify.yaml"],
            File.ReadAllText(_workspace["tiny.yaml"])
                .Replace("{ name: simclr, temperature: 0.2 }", "{ name: classification }", StringComparison.Ordinal)
                .Replace("knn: {", "measures: [accuracy]\n  knn: {", StringComparison.Ordinal));
        _workspace.Run(
            ["finetune", "classify.yaml", "--run", "run", "--from-scratch", .. Of("resnet18"), "--set", "training.maxSteps=2", "--threads", "1"]).Succeeds();
        _workspace.Run("export", "run", "--part", "all", "--out", "x.safetensors").Succeeds();
        using var scope = NewDisposeScope();
        var pictures = Pictures();
        PythonTorch.Run(_workspace["."], "features", "resnet18:10", "x.safetensors", "pictures.safetensors", "theirs.safetensors");
        using var trained = TrainedBackbone.Load(_workspace["x.safetensors"], _reader, CPU);
        Agree(Classification.Logits(trained.Encoder, Features(trained, pictures))!);
        using var file = TensorFile.Open(_workspace["x.safetensors"]);
        Assert.Equal(10, JsonSerializer.Deserialize<string[]>(file.Metadata["selfsup.classes"])!.Length);
        _workspace.Run("export", "run", "--part", "head", "--out", "h.safetensors").IsOneLine(2, "--part: is head, which a run of classification does not train");
        Assert.False(File.Exists(_workspace["h.safetensors"]));
    }

    [Theory]
    [InlineData("zip")]
    [InlineData("legacy")]
    public void AMaliciousFileIsRefusedAndRunsNothing(string container)
    {
        PythonTorch.Run(_workspace["."], "evil", "evil.pth", container);
        _workspace.Pretrain("run", [.. Of("resnet18"), "--set", "init.from=evil.pth"]).IsOneLine(
            4, "evil.pth: not a PyTorch file of weights: it names 'posix.system'", "nothing of it was run", "save its state_dict() with PyTorch");
        Assert.Empty(Directory.EnumerateFiles(_workspace["."], "selfsup-was-here", SearchOption.AllDirectories));
    }

    private static string[] Of(string backbone) =>
        ["--set", $"encoder.backbone={backbone}", "--set", "encoder.width=1", "--set", "training.globalBatchSize=16", "--set", "data.limit=64", "--set", "evaluation.everyEpochs=0"];

    private Recipe Recipe(string backbone)
    {
        var yaml = File.ReadAllText(_workspace["tiny.yaml"]);
        return _reader.ReadText(
            backbone == "vit"
                ? yaml.Replace("backbone: resnet20, width: 0.25", "backbone: vitTiny, vit: { patchSize: 8, imageSize: 32, depth: 2 }", StringComparison.Ordinal)
                    .Replace("size: 28", "size: 32", StringComparison.Ordinal)
                : yaml.Replace("resnet20, width: 0.25", backbone, StringComparison.Ordinal),
            "test");
    }

    /// <summary>A folder of pictures that look like photographs to a network, or of photographs.</summary>
    private string Folder()
    {
        if (Environment.GetEnvironmentVariable("SELFSUP_PHOTOS") is { Length: > 0 } photographs)
        {
            return photographs;
        }

        var folder = _workspace["pictures"];
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            for (var i = 0; i < 32; i++)
            {
                File.WriteAllBytes(Path.Combine(folder, $"{i}.jpg"), Photographs.Jpeg(140 + i, 150, seed: i));
            }
        }

        return folder;
    }

    /// <summary>The pictures as networks get them, [N, 3, S, S]; Python is handed the very values.</summary>
    private Tensor Pictures(int side = 96)
    {
        var limit = 8;
        if (side > 32 && Environment.GetEnvironmentVariable("SELFSUP_PHOTOS") is { Length: > 0 })
        {
            (side, limit) = (224, int.MaxValue);
        }

        using var scope = NewDisposeScope();
        using var source = ImageSources.Open(new ImageSourceOptions { Path = Folder(), Limit = limit });
        using var loader = new ViewLoader(
            source,
            new SequentialBatches(source.Count, 8),
            [
                new ViewPipeline(
                    new Resize(new ResizeOptions { Size = side * 8 / 7 }),
                    new CenterCrop(new CenterCropOptions { Size = side }),
                    new Normalize(new NormalizeOptions { Mean = [0.485, 0.456, 0.406], StandardDeviation = [0.229, 0.224, 0.225] })),
            ],
            new ViewLoaderOptions { Workers = 1 },
            new UnreadableImages());
        var batches = new List<Tensor>();
        foreach (var batch in loader.Pass(CancellationToken.None))
        {
            using (batch)
            {
                batches.Add(batch.Views[0].clone());
            }
        }

        var pictures = cat(batches);
        using (var stream = File.Create(_workspace["pictures.safetensors"]))
        {
            SafeTensors.Write(stream, [new("pictures", pictures)]);
        }

        return pictures.MoveToOuterDisposeScope();
    }

    private static Tensor Features(TrainedBackbone backbone, Tensor pictures) =>
        cat([.. pictures.split(8).Select(part => FeatureExtractor.Forward(backbone.Encoder, part, new Compute(CPU, Precision.Float32)))]);

    /// <summary>To 1e-5 of the largest feature, and at least of 1.</summary>
    private void Agree(Tensor ours)
    {
        using var file = TensorFile.Open(_workspace["theirs.safetensors"]);
        var theirs = file.Read("features");
        Assert.Equal(theirs.shape, ours.shape);
        var largest = theirs.abs().max().item<float>();
        Assert.InRange(largest, 1e-3, 1e3); // a network that says something
        var difference = (theirs - ours).abs().max().item<float>();
        TestContext.Current.TestOutputHelper?.WriteLine($"largest difference {difference:G3} of features up to {largest:G3}, {ours.shape[0]} pictures");
        Assert.InRange(difference, 0, 1e-5 * Math.Max(1, largest));
    }
}
