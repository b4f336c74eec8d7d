using SelfSup.Recipes;
using SelfSup.Reports;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Reports;

public sealed class RecipeSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The same paths and texts as a bound recipe has.</summary>
    [Theory]
    [InlineData("quickstart")]
    [InlineData("dino-cifar10-small")]
    [InlineData("tuple-learning-fashion-mnist")]
    public void SettingsOfARunAreThoseOfItsRecipe(string name)
    {
        var path = Path.Combine(Recipes(), $"{name}.yaml");
        var recipe = new RecipeReader([]).Read(path, new Dictionary<string, string>(), []);
        var read = RecipeSettings.Read(_folder.Write("recipe.yaml", RecipeWriter.Yaml(recipe)));
        Assert.Equal(RecipeWriter.Settings(recipe, all: true), new SortedDictionary<string, string>(read, StringComparer.Ordinal));
    }

    [Fact]
    public void WhatIsNoRecipeHasNone()
    {
        Assert.Empty(RecipeSettings.Read(_folder.File("none.yaml")));
        Assert.Empty(RecipeSettings.Read(_folder.Write("list.yaml", "just text")));
        Assert.Empty(RecipeSettings.Read(_folder.Write("broken.yaml", "a: [1, 2")));
        Assert.Empty(RecipeSettings.Read(_folder.Write("large.yaml", $"a: {new string('x', 2 << 20)}")));
        Assert.Empty(RecipeSettings.Read(_folder.Write("deep.yaml", new string('[', 100_000))));
    }

    [Fact]
    public void AliasesAreNotExpanded()
    {
        var text = "a: &a [x, x]\n" + string.Concat(Enumerable.Range(1, 60).Select(i => $"a{i}: &a{i} [*a{(i == 1 ? "" : i - 1)}, *a{(i == 1 ? "" : i - 1)}]\n"));
        var settings = RecipeSettings.Read(_folder.Write("bomb.yaml", text));
        Assert.Equal(122, settings.Count);
        Assert.Equal("*a59", settings["a60[1]"]);
    }

    /// <summary>A short file has many settings with long paths.</summary>
    [Theory]
    [InlineData(20_000, 1)]
    [InlineData(5_000, 900)]
    public void MoreSettingsThanARecipeHasAreNotRead(int settings, int length)
    {
        var text = $"{new string('k', length)}: [{string.Join(',', Enumerable.Repeat("1", settings))}]";
        Assert.Empty(RecipeSettings.Read(_folder.Write("many.yaml", text)));
    }

    [Fact]
    public void RunsDifferInWhatTheyHaveOtherwise()
    {
        var one = new OrderedDictionary<string, string> { ["method.name"] = "simclr", ["method.temperature"] = "0.5", ["training.epochs"] = "3", ["run.seed"] = "1" };
        var other = new OrderedDictionary<string, string> { ["method.name"] = "moco", ["method.queue.length"] = "64", ["method.temperature"] = "0.5", ["training.epochs"] = "4", ["run.seed"] = "1" };
        Assert.Equal(
            ["method.name: simclr | moco", "method.queue.length: not set | 64", "training.epochs: 3 | 4"],
            SettingDifferences.Of([one, other]).Select(row => $"{row.Key}: {string.Join(" | ", row.Values)}"));
        Assert.Empty(SettingDifferences.Of([one, one]));
        Assert.Empty(SettingDifferences.Of([one]));
        Assert.Empty(SettingDifferences.Of([]));
    }

    private static string Recipes([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../recipes"));
}
