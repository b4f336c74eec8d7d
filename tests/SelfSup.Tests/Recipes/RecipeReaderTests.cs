using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Recipes;

public sealed class RecipeReaderTests : IDisposable
{
    private const string Good = """
        run: { seed: 3 }
        data: { path: images }
        views:
          - randomResizedCrop: { size: 32, scale: [0.2, 1.0] }
          - horizontalFlip: { probability: 0.5 }
          - normalize: { mean: [0.5, 0.5, 0.5], standardDeviation: [0.2, 0.2, 0.2] }
        encoder: { backbone: resnet20 }
        method: { name: simclr, temperature: 0.5 }
        optimizer: { name: sgd, momentum: 0.9 }
        schedule: { name: cosine, learningRate: 0.06 }
        training:
          epochs: 5
        """;

    private static readonly Dictionary<string, string> _noEnvironment = [];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ARecipeBecomesTypedOptions()
    {
        var recipe = Read(Good);
        Assert.Equal("x", recipe.Run.Name);
        Assert.Equal(3UL, recipe.Run.Seed);
        Assert.Equal(_folder.File("images"), recipe.Data!.Path);
        Assert.Equal(0.5, Assert.IsType<SimClrOptions>(recipe.Method!.Options).Temperature);
        Assert.Equal(["randomResizedCrop", "horizontalFlip", "normalize"], recipe.Views!.Of(1).Select(v => v.Name));
        Assert.Equal(5, recipe.Training.Epochs);
    }

    [Theory]
    [InlineData("  epochs: 5", "  epoch: 5", "x.yaml(12): training.epoch: no such setting; did you mean training.epochs?")]
    [InlineData("  epochs: 5", "  epochs: five", "x.yaml(12): training.epochs: must be a whole number, is 'five'")]
    [InlineData("  epochs: 5", "  epochs: 0", "x.yaml(12): training.epochs: must be at least 1, is 0")]
    [InlineData("  epochs: 5", "  device: gpu", "x.yaml(12): training.device: must be one of auto, cpu, cuda, is 'gpu'")]
    [InlineData("  epochs: 5", "  precision: half", "training.precision: must be one of float32, bfloat16, tf32, is 'half'")]
    [InlineData("  epochs: 5", "  sliceSize: 256", "training.sliceSize: must be less than training.globalBatchSize (256), is 256")]
    [InlineData("run: { seed: 3 }", "run: { replicas: 200 }", "run.replicas: must leave two images for each part of a batch of 256")]
    [InlineData("  epochs: 5", "  epochs:", "x.yaml(12): training.epochs: must be a whole number, is empty")]
    [InlineData("  epochs: 5", "  maxSteps: -3", "x.yaml(12): training.maxSteps: must be at least 1, is -3")]
    [InlineData("[0.2, 1.0]", "[0.2, 1.0, 2]", "x.yaml(4): views[0].randomResizedCrop.scale: must have 2 values, is [0.2, 1, 2]")]
    [InlineData("  epochs: 5", "  epochs: [5]", "x.yaml(12): training.epochs: must be a whole number, is a list")]
    [InlineData("temperature: 0.5", "temperature: 0", "x.yaml(8): method.temperature: must be from 0 (not included) to 100, is 0")]
    [InlineData("name: simclr", "name: simclir", "x.yaml(8): method.name: there is no 'simclir'; did you mean simclr?; there are ")]
    [InlineData("name: simclr,", "", "x.yaml(8): method: must have a name, one of ")]
    [InlineData("horizontalFlip", "horizontalFlop", "x.yaml(5): views[1]: there is no 'horizontalFlop'; did you mean horizontalFlip?")]
    [InlineData("resnet20", "resnet21", "x.yaml(7): encoder.backbone: there is no backbone 'resnet21'")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: resnet20, head: { outputAffine: false } }", "encoder.head.outputAffine: has no effect without")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: resnet20, head: { kept: 2 } }", "encoder.head.kept: must be less than layers (2), is 2")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: resnet20, head: { layers: 1, hidden: 64 } }", "encoder.head.hidden: a head of one layer has no")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: resnet20, stem: imageNet }", "x.yaml(7): encoder.stem: resnet20 is made for small")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: resnet20, vit: { patchSize: 4 } }", "x.yaml(7): encoder.vit: resnet20 is no vision transformer; leave it out")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { patchSize: 4, imageSize: 30 } }", "encoder.vit.imageSize: must be a multiple of encoder.vit.patchSize (4), is 30")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { heads: 5 } }", "encoder.vit.heads: must divide the width of vitTiny (192), is 5")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { positions: cosine } }", "encoder.vit.positions: must be one of learned, sinCos, is 'cosine'")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { pool: max } }", "encoder.vit.pool: must be one of token, mean, is 'max'")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { depth: 0 } }", "encoder.vit.depth: must be from 1 to 256, is 0")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, stem: small }", "encoder.stem: vitTiny takes in patches (encoder.vit.patchSize) and has no stem")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, norm: group }", "encoder.norm: vitTiny normalises each token by itself")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, width: 2 }", "encoder.width: vitTiny is 192 wide")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, zeroInitResidual: true }", "encoder.zeroInitResidual: vitTiny has no such blocks")]
    [InlineData("{ backbone: resnet20 }", "{ backbone: vitTiny, vit: { patchSize: 14 } }", "views: gives images of 32 pixels, which must be a multiple of encoder.vit.patchSize (14)")]
    [InlineData("method: {", "methods: {", "x.yaml(8): methods: no such setting; did you mean method?")]
    [InlineData("data: { path: images }", "data: { limit: 3 }", "x.yaml(2): data.path: must be set")]
    [InlineData("data: { path: images }", "", "x.yaml(1): data: must be set")]
    [InlineData("scale: [0.2, 1.0]", "scale: 0.2", "x.yaml(4): views[0].randomResizedCrop.scale: must be a list")]
    [InlineData("  - randomResizedCrop: { size: 32, scale: [0.2, 1.0] }", "  - verticalFlip", "x.yaml(4): views: gives images of their own sizes")]
    [InlineData("run: { seed: 3 }", "run: { seed: -3 }", "x.yaml(1): run.seed: must be a whole number of at least 0, is '-3'")]
    [InlineData("run: { seed: 3 }", "run: { name: a/b }", "x.yaml(1): run.name: must consist of letters")]
    [InlineData("training:", "training: 7", "x.yaml(12): not well-formed YAML")]
    [InlineData("training:", "run:", "x.yaml(11): not well-formed YAML: Duplicate key")]
    public void AMistakeIsNamedWithItsPlaceAndRemedy(string good, string bad, string message)
    {
        var error = Assert.Throws<RecipeException>(() => Read(Good.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(error.Violations, v => v.Contains(message, StringComparison.Ordinal));
        Assert.All(error.Violations, v => Assert.DoesNotContain('\n', v));
    }

    [Fact]
    public void EveryMistakeIsReportedAtOnce()
    {
        var error = Assert.Throws<RecipeException>(() => Read(Good
            .Replace("epochs: 5", "epochs: 0", StringComparison.Ordinal)
            .Replace("temperature: 0.5", "temprature: 0.5", StringComparison.Ordinal)
            .Replace("size: 32", "size: big", StringComparison.Ordinal)));
        Assert.Equal(3, error.Violations.Count);
    }

    [Fact]
    public void OverridesComeAfterTheEnvironmentAndTheFile()
    {
        var environment = new Dictionary<string, string>
        {
            ["SELFSUP__TRAINING__EPOCHS"] = "7",
            ["SELFSUP__TRAINING__GLOBALBATCHSIZE"] = "64",
            ["SELFSUP__ENCODER__BACKBONE"] = "resnet32",
        };
        var recipe = Read(Good, environment, "training.epochs=9", "views.0.randomResizedCrop.size=24", "method.temperature=0.1");
        Assert.Equal(9, recipe.Training.Epochs);
        Assert.Equal(64, recipe.Training.GlobalBatchSize);
        Assert.Equal("resnet32", recipe.Encoder!.Backbone);
        Assert.Equal(0.1, ((SimClrOptions)recipe.Method!.Options).Temperature);
        Assert.Contains("24", RecipeWriter.Settings(recipe)["views[0].randomResizedCrop.size"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("training.epoch=5", "--set: training.epoch: no such setting; did you mean training.epochs?")]
    [InlineData("training.epochs", "--set training.epochs: must be section.key=value")]
    [InlineData("views.7.horizontalFlip.probability=1", "must be a position from 0 to 2")]
    public void AWrongOverrideSaysSo(string assignment, string message)
    {
        var error = Assert.Throws<RecipeException>(() => Read(Good, [], assignment));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PathsOfOverridesStartFromTheCurrentFolder() =>
        Assert.Equal(Path.GetFullPath("pictures"), Read(Good, [], "data.path=pictures").Data!.Path);

    private const string Groups = """
        views:
          - count: 2
            augmentations:
              - randomResizedCrop: { size: 32, scale: [0.2, 1.0] }
              - horizontalFlip
          - count: 6
            augmentations:
              - randomResizedCrop: { size: 16, scale: [0.05, 0.2] }
        """;

    private static readonly string _grouped = Good.Replace(
        Good[Good.IndexOf("views:", StringComparison.Ordinal)..Good.IndexOf("encoder:", StringComparison.Ordinal)], Groups + "\n", StringComparison.Ordinal);

    [Fact]
    public void ViewsOfSeveralKindsAreWrittenOnceEach()
    {
        var recipe = Read(_grouped);
        Assert.Equal(8, recipe.Views!.Views);
        Assert.Equal([2, 2, 1, 1, 1, 1, 1, 1], Enumerable.Range(0, 8).Select(v => recipe.Views.Of(v).Count));
        var again = Read(RecipeWriter.Yaml(recipe));
        Assert.Equal(RecipeWriter.Settings(recipe, all: true), RecipeWriter.Settings(again, all: true));
        Assert.Contains("views[1].count", RecipeWriter.Settings(recipe).Keys);
        Assert.Equal(4, Read(_grouped, [], "views.1.count=2").Views!.Views);
    }

    [Theory]
    [InlineData("count: 6", "count: 0", "views[1].count: must be a whole number from 1 to 64, is '0'")]
    [InlineData("count: 6", "counts: 6", "views[1].counts: no such setting; there are count, augmentations")]
    [InlineData("  - count: 2\n    augmentations:", "  - counts: 2\n    augmentation:", "views[0].counts: no such setting; there are count, augmentations")]
    [InlineData("size: 16", "size: sixteen", "views[1].augmentations[0].randomResizedCrop.size: must be a whole number")]
    public void AMistakeInAGroupIsNamed(string good, string bad, string message)
    {
        var error = Assert.Throws<RecipeException>(() => Read(_grouped.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(error.Violations, v => v.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void ANestedSectionKeepsWhatItsMethodTakesForGranted()
    {
        var recipe = Read(Good.Replace("name: simclr, temperature: 0.5", "name: simsiam, predictor: { layers: 3 }", StringComparison.Ordinal));
        var predictor = Assert.IsType<SimSiamOptions>(recipe.Method!.Options).Predictor;
        Assert.Equal((3, 512), (predictor.Layers, predictor.Hidden));
    }

    [Fact]
    public void AResolvedRecipeReadsBackAsTheSame()
    {
        var recipe = Read(Good);
        var again = Read(RecipeWriter.Yaml(recipe));
        Assert.Equal(RecipeWriter.Settings(recipe, all: true), RecipeWriter.Settings(again, all: true));
        Assert.Equal(RecipeWriter.Hash(recipe), RecipeWriter.Hash(again));
    }

    [Fact]
    public void WhatDoesNotChangeTrainingDoesNotChangeTheHash()
    {
        var hash = RecipeWriter.Hash(Read(Good));
        Assert.Equal(hash, RecipeWriter.Hash(Read(Good, [], "checkpoint.keep=9", "telemetry.everySteps=5", "data.workers=3", "run.threads=1")));
        Assert.NotEqual(hash, RecipeWriter.Hash(Read(Good, [], "method.temperature=0.4")));
        Assert.NotEqual(hash, RecipeWriter.Hash(Read(Good, [], "run.seed=4")));
    }

    [Fact]
    public void ViewsMayDiffer()
    {
        var recipe = Read(Good, [], "views=[[{centerCrop: {size: 8}}], [{centerCrop: {size: 8}}, solarize]]");
        Assert.Equal([1, 2], new[] { 0, 1 }.Select(v => recipe.Views!.Of(v).Count));
        Assert.Equal(
            RecipeWriter.Settings(recipe), RecipeWriter.Settings(Read(RecipeWriter.Yaml(recipe))));
    }

    [Fact]
    public void AMissingRecipeSaysWhatToName()
    {
        var error = Assert.Throws<RecipeException>(() => new RecipeReader().Read("nowhere.yaml", _noEnvironment, []));
        Assert.StartsWith("nowhere.yaml: there is no such recipe; name a YAML file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StemsAreThoseOfThePapers()
    {
        Assert.Equal(Stem.Small, Read(Good).Encoder!.ActualStem);
        Assert.Equal(Stem.ImageNet, Read(Good, [], "encoder.backbone=resnet50").Encoder!.ActualStem);
    }

    [Fact]
    public void AVisionTransformerHasItsDefaultsWhereNothingIsSaid()
    {
        var (said, silent) = (Read(Good, [], "encoder={backbone: vitTiny, vit: {patchSize: 16}}"), Read(Good, [], "encoder.backbone=vitTiny"));
        Assert.Equal("16", RecipeWriter.Settings(silent)["encoder.vit.patchSize"]);
        Assert.Equal(RecipeWriter.Hash(said), RecipeWriter.Hash(silent));
        Assert.Equal(RecipeWriter.Hash(said), RecipeWriter.Hash(Read(RecipeWriter.Yaml(silent))));
        Assert.DoesNotContain(RecipeWriter.Settings(Read(Good)).Keys, key => key.StartsWith("encoder.vit", StringComparison.Ordinal));
    }

    private Recipe Read(string yaml, Dictionary<string, string>? environment = null, params string[] overrides)
    {
        var path = _folder.File("x.yaml");
        File.WriteAllText(path, yaml);
        return new RecipeReader().Read(path, environment ?? _noEnvironment, overrides);
    }
}
