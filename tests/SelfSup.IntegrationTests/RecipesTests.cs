using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>The recipes run.</summary>
public sealed class RecipesTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public static TheoryData<string> Recipes =>
        [.. Directory.EnumerateFiles(Repository.Recipes, "*.yaml").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [MemberData(nameof(Recipes))]
    public void EveryRecipeRunsTwoStepsOnMadeUpImages(string recipe)
    {
        // As few as two steps take: what a recipe of a large network costs is its images. Fewer in a batch are too few for BatchNorm.
        var images = _workspace.Images("pictures", 8, 64);
        var path = Path.Combine(Repository.Recipes, recipe);
        var text = File.ReadAllText(path);
        _workspace.Run(
        [
            "pretrain", path, "--run", "run",
            "--set", $"data.path={images}", "--set", $"evaluation.test.path={_workspace.Images("test", 4, 64)}",
            "--set", "training.globalBatchSize=4", "--set", "training.sliceSize=", "--set", "training.maxSteps=2", "--set", "evaluation.batchSize=8",
            .. OfTheirOwnImages(text),
        ]).Succeeds();
        using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace["run", "result.json"]));
        Assert.Equal(2, result.RootElement.GetProperty("steps").GetInt64());
        string[] measures = ["knn", "accuracy", "recallAt1"];
        var judged = measures.Where(measure => result.RootElement.TryGetProperty(measure, out _)).ToArray();
        Assert.NotEmpty(judged);
        Assert.All(judged, measure => Assert.InRange(result.RootElement.GetProperty(measure).GetDouble(), 0, 1));
        Assert.True(double.IsFinite(result.RootElement.GetProperty("loss").GetDouble()));
    }

    /// <summary>What a recipe says of the classes, labels and pairs of its own images, which made-up ones do not have.</summary>
    private IEnumerable<string> OfTheirOwnImages(string recipe)
    {
        var settings = new List<string> { "data.classes=", "data.exceptClasses=", "data.labels=", "evaluation.test.classes=" };
        if (recipe.Contains("imagesPerClass", StringComparison.Ordinal))
        {
            settings.Add("sampling.imagesPerClass=2");
        }

        if (recipe.Contains("pairs:", StringComparison.Ordinal))
        {
            File.WriteAllText(
                _workspace["pairs.csv"],
                "anchor,positive\n" + string.Concat(Enumerable.Range(0, 4).Select(i => $"circles/{2 * i:D4}.png,circles/{2 * ((i + 1) % 4):D4}.png\n")));
            settings.Add($"data.pairs.path={_workspace["pairs.csv"]}");
        }

        return settings.SelectMany(setting => new[] { "--set", setting });
    }
}
