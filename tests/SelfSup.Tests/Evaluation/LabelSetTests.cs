using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Evaluation;

/// <summary>What is found out before images are read.</summary>
public sealed class LabelSetTests
{
    // 12 images of class 0, 8 of class 1.
    private static readonly LabelSet _images = new("faces", [.. Enumerable.Range(0, 20).Select(i => i < 12 ? 0L : 1)]);

    [Fact]
    public void SettingsThatLabelsDoNotAllowAreRefused()
    {
        Assert.StartsWith("retrieval: recall at 20, must be at numbers from 1 to 19", Refusal<RecipeException>(
            () => new Retrieval(new() { RecallAt = [1, 20] }).Require(_images)), StringComparison.Ordinal);
        Assert.StartsWith("retrieval: recall at 21, must be at numbers from 1 to 20", Refusal<RecipeException>(
            () => new Retrieval(new() { RecallAt = [20, 21] }).Require(_images, _images)), StringComparison.Ordinal);
        Assert.StartsWith("faces: 20 images cannot be 21 clusters", Refusal<DataException>(
            () => new Clustering(new() { Clusters = 21 }).Require(_images)), StringComparison.Ordinal);
        Assert.StartsWith("faces: 1 of 2 classes have the 9 images", Refusal<DataException>(
            () => new FewShot(new() { Ways = 2, Queries = 8 }).Require(_images)), StringComparison.Ordinal);
        Assert.StartsWith("verification: 7 pairs, must be at least 8 for 4 folds", Refusal<RecipeException>(
            () => new Verification(new() { Pairs = 7, Folds = 4 }).Require(_images)), StringComparison.Ordinal);
        Assert.StartsWith("faces: 20 images of 2 classes are too few for 10 folds", Refusal<DataException>(
            () => new Verification(new() { Pairs = 20 }).Require(_images)), StringComparison.Ordinal);
        Assert.StartsWith("gallery: all 2 images are of one class, must be of at least two for a threshold; or give one", Refusal<DataException>(
            () => Gallery.RequireIdentities(new("gallery", [0, 0]))), StringComparison.Ordinal);
    }

    [Fact]
    public void SettingsThatLabelsAllowAreNot()
    {
        new Retrieval(new() { RecallAt = [19] }).Require(_images);
        new Retrieval(new() { RecallAt = [20] }).Require(_images, _images);
        Assert.Equal(20, new Clustering(new() { Clusters = 20 }).Require(_images));
        Assert.Equal(2, new Clustering(new()).Require(_images));
        Assert.Equal([12, 8], new FewShot(new() { Ways = 2, Queries = 7 }).Require(_images).Select(c => c.Length));
        new Verification(new() { Pairs = 8, Folds = 4 }).Require(_images);
    }

    [Fact]
    public void LabelsAreThoseOfTheSource()
    {
        using var source = new MadeUpImages(5, 4, classes: 3);
        var labels = new LabelledImages(source, new() { Path = "here" }, "--test").Labels;
        Assert.Equal("here", labels.Name);
        Assert.Equal([0, 1, 2, 0, 1], labels.Labels);
        Assert.Equal((3, true), (labels.Classes, labels.HasClassNames));
        using var bare = new MadeUpImages(5, 4, classes: 0);
        var none = new LabelledImages(bare, new() { Path = "here" }, "--test", needLabels: false).Labels;
        Assert.Equal(0, none.Classes);
        Assert.StartsWith("here: none of 5 images has a label", Refusal<DataException>(none.RequireLabels), StringComparison.Ordinal);
    }

    private static string Refusal<TError>(Action act)
        where TError : SelfSupException => Assert.Throws<TError>(act).Message;
}
