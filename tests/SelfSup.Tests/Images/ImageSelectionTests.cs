using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

public sealed class ImageSelectionTests
{
    [Fact]
    public void OnlyTheClassesThatAreNamedAreLeftAndLabelsAreTheirPlaces()
    {
        using var source = Selected(20, 5, new() { Classes = ["class 3", "class 1"] });
        Assert.Equal(["class 1", "class 3"], source.ClassNames);
        Assert.Equal(8, source.Count);
        Assert.Equal([1, 3, 6, 8, 11, 13, 16, 18], Rows(source));
        Assert.Equal([0, 1, 0, 1, 0, 1, 0, 1], Enumerable.Range(0, 8).Select(source.Label));
        Assert.Equal("image 18", source.Locate(7));
        Assert.Equal("00000018", source.Name(7));
    }

    [Fact]
    public void ClassesAndTheOthersTogetherAreAll()
    {
        using var seen = Selected(50, 10, new() { Classes = ["class 0", "class 4"] });
        using var unseen = Selected(50, 10, new() { ExceptClasses = ["class 0", "class 4"] });
        Assert.Equal(8, unseen.ClassNames.Count);
        Assert.Empty(seen.ClassNames.Intersect(unseen.ClassNames));
        Assert.Equal(Enumerable.Range(0, 50), Rows(seen).Concat(Rows(unseen)).Order());
        Assert.All(Enumerable.Range(0, unseen.Count), i => Assert.Equal($"class {unseen.Row(i) % 10}", unseen.ClassNames[unseen.Label(i)]));
    }

    [Theory]
    [InlineData(0.01, 5)]
    [InlineData(0.1, 5)]
    [InlineData(0.26, 15)]
    [InlineData(1, 50)]
    public void AShareHasThatOfEveryClassAndAtLeastOneImage(double share, int expected)
    {
        using var source = Selected(50, 5, new() { Labels = new() { Share = share } });
        Assert.Equal(expected, source.Count);
        Assert.All(
            Enumerable.Range(0, source.Count).GroupBy(source.Label), group => Assert.Equal(expected / 5, group.Count()));
        Assert.Equal(5, source.ClassNames.Count);
    }

    [Fact]
    public void ASmallerShareIsPartOfALargerOne()
    {
        int[] Share(double share)
        {
            using var source = Selected(1000, 7, new() { Labels = new() { Share = share, Seed = 4 } });
            return Rows(source);
        }

        Assert.Subset(Share(0.1).ToHashSet(), Share(0.01).ToHashSet());
        Assert.Subset(Share(0.5).ToHashSet(), Share(0.1).ToHashSet());
        using var few = Selected(1000, 7, new() { Labels = new() { PerClass = 3, Seed = 4 } });
        Assert.Equal(21, few.Count);
        Assert.Subset(Share(0.1).ToHashSet(), Rows(few).ToHashSet());
    }

    [Fact]
    public void WhichImagesIsAFunctionOfTheSeedAndOfTheClassAlone()
    {
        int[] Of(ulong seed, params string[] classes)
        {
            using var source = Selected(300, 6, new() { Classes = classes is [] ? null : classes, Labels = new() { PerClass = 4, Seed = seed } });
            return Rows(source);
        }

        Assert.Equal(Of(1), Of(1));
        Assert.NotEqual(Of(1), Of(2));
        Assert.Equal(Of(1).Where(row => row % 6 is 2 or 5), Of(1, "class 2", "class 5"));
        // These numbers must not change: results with few labels are compared over machines and versions.
        Assert.Equal([156, 252, 258, 270, 1, 139, 241, 277], [.. Of(1).Where(row => row % 6 == 0), .. Of(1).Where(row => row % 6 == 1)]);
    }

    [Fact]
    public void AllImagesOfASmallClassAreTaken()
    {
        using var source = Selected(7, 5, new() { Labels = new() { PerClass = 2 } });
        Assert.Equal(7, source.Count);
    }

    [Fact]
    public void ALimitCountsAllImagesBeforeClassesAreChosen()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 6; i++)
        {
            folder.Write($"{(i % 2 == 0 ? "a" : "b")}/{i}.png", Fixture.Bytes("png-rgb.png"));
        }

        // In order of their paths: a/0, a/2, a/4, b/1, b/3, b/5.
        using var source = ImageSources.Open(new() { Path = folder.Path, Limit = 4, Classes = ["b"] });
        Assert.Equal(["b/1.png"], Enumerable.Range(0, source.Count).Select(source.Name));
    }

    [Fact]
    public void BlocksWithoutAnImageAreNone()
    {
        var whole = new MadeUpImages(20, 4, classes: 0) { BlockStarts = [0, 4, 5, 12, 16], WindowBlocks = 2 };
        using var source = new SubsetSource(whole, [1, 3, 4, 13, 14, 15, 19], []);
        Assert.Equal([0, 2, 3, 6], source.BlockStarts);
        Assert.Equal(2, source.WindowBlocks);
        using var all = new SubsetSource(whole, [.. Enumerable.Range(0, 20)], []);
        Assert.Equal(whole.BlockStarts, all.BlockStarts);
    }

    [Fact]
    public void WhatCannotBeChosenIsSaid()
    {
        Assert.Equal(
            "here: 'classes' names 'clas 2', which is no class of these images; did you mean class 2?; there are class 0, class 1, class 2",
            Refusal(new() { Classes = ["class 1", "clas 2"] }));
        Assert.StartsWith("here: 'exceptClasses' names 'cat', 'dog', which are no classes", Refusal(new() { ExceptClasses = ["cat", "dog"] }), StringComparison.Ordinal);
        Assert.StartsWith(
            "here: no image is left of 9 by classes", Refusal(new() { ExceptClasses = ["class 0", "class 1", "class 2"] }), StringComparison.Ordinal);
        foreach (var (options, setting) in (List<(ImageSourceOptions, string)>)
            [(new() { Classes = ["a"] }, "classes"), (new() { ExceptClasses = ["a"] }, "exceptClasses"), (new() { Labels = new() { Share = 0.1 } }, "labels")])
        {
            options.Path = "here";
            var message = Assert.Throws<DataException>(() => ImageSelection.Of(new MadeUpImages(9, 4, classes: 0), options)).Message;
            Assert.StartsWith($"here: has no labels, by which '{setting}' chooses", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("labels: { share: 0 }", "data.labels.share: must be from 0 (not included) to 1, is 0")]
    [InlineData("labels: { share: 1.5 }", "data.labels.share: must be from 0 (not included) to 1, is 1.5")]
    [InlineData("labels: { perClass: 0 }", "data.labels.perClass: must be at least 1, is 0")]
    [InlineData("labels: { seed: 3 }", "data.labels: must have either share or perClass, has neither")]
    [InlineData("labels: { share: 0.1, perClass: 3 }", "data.labels: must have either share or perClass, has both")]
    [InlineData("classes: [a], exceptClasses: [b]", "data.exceptClasses: must not be set where classes is")]
    [InlineData("classes: []", "data.classes: must name at least one class")]
    public void SettingsThatMakeNoSenseAreRecipeErrors(string setting, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Read(setting)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatIsChosenIsPartOfTheRecipesHashAndNothingElseIs()
    {
        string[] hashes = [.. ((string[])["limit: 5", "limit: 5, classes: [a, b]", "limit: 5, exceptClasses: [a]", "limit: 5, labels: { share: 0.1 }"])
            .Select(setting => RecipeWriter.Hash(Read(setting)))];
        Assert.Distinct(hashes);
        Assert.DoesNotContain(RecipeWriter.Settings(Read("limit: 5")).Keys, key => key.Contains("lasses") || key.Contains("labels"));
        var written = new RecipeReader().ReadText(RecipeWriter.Yaml(Read("classes: [a, b], labels: { perClass: 2 }")), "written");
        Assert.Equal(["a", "b"], written.Data!.Classes!);
        Assert.Equal(2, written.Data.Labels!.PerClass);
    }

    private static Recipe Read(string setting) => new RecipeReader().ReadText(
        $$"""
        data: { path: /data, {{setting}} }
        views: [ { centerCrop: { size: 8 } } ]
        encoder: { backbone: resnet18 }
        method: { name: simclr }
        optimizer: { name: sgd }
        schedule: { name: constant, learningRate: 0.1 }
        """,
        "recipe");

    private static IImageSource Selected(int count, int classes, ImageSourceOptions options) =>
        ImageSelection.Of(new MadeUpImages(count, 4, classes), options);

    private static int[] Rows(IImageSource source) => [.. Enumerable.Range(0, source.Count).Select(source.Row)];

    private static string Refusal(ImageSourceOptions options)
    {
        options.Path = "here";
        return Assert.Throws<DataException>(() => Selected(9, 3, options)).Message;
    }
}
