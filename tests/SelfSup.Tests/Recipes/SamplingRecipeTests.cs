using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Recipes;

namespace SelfSup.Tests.Recipes;

public sealed class SamplingRecipeTests
{
    [Theory]
    [InlineData("{ name: classes, imagesPerClass: 5 }", "sampling.imagesPerClass: must divide training.globalBatchSize (16) into at least two classes, is 5")]
    [InlineData("{ name: classes, imagesPerClass: 16 }", "sampling.imagesPerClass: must divide training.globalBatchSize (16) into at least two classes, is 16")]
    [InlineData("{ name: classes, imagesPerClass: 0 }", "sampling.imagesPerClass: must be from 1 to 100000, is 0")]
    [InlineData("{ name: clases }", "sampling.name: there is no 'clases'; did you mean classes?; there are balanced, classes, shuffled")]
    [InlineData("{ imagesPerClass: 4 }", "sampling: must have a name, one of balanced, classes, shuffled")]
    public void WhatCannotBeIsARecipeError(string sampling, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Read($"sampling: {sampling}")).Message, StringComparison.Ordinal);

    [Fact]
    public void PairsSayThemselvesWhatBatchesAreMadeOf() => Assert.Contains(
        "sampling: must not be there with data.pairs",
        Assert.Throws<RecipeException>(() => Read("sampling: { name: balanced }", "pairs: { path: pairs.csv }")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void BatchesAreShuffledWhereNothingIsSaidAndThatChangesNoHash()
    {
        var recipe = Read("");
        Assert.IsType<ShuffledSampling>(Pipelines.Sampling(recipe, new RecipeReader()));
        Assert.DoesNotContain(RecipeWriter.Settings(recipe, all: true).Keys, key => key.StartsWith("sampling") || key.Contains("pairs") || key.Contains("values"));
        var chosen = Read("sampling: { name: classes, imagesPerClass: 8 }");
        Assert.NotEqual(RecipeWriter.Hash(recipe), RecipeWriter.Hash(chosen));
        Assert.Equal("8", RecipeWriter.Settings(new RecipeReader().ReadText(RecipeWriter.Yaml(chosen), "written"))["sampling.imagesPerClass"]);
    }

    [Fact]
    public void ListsMayMoveButTheirColumnsMayNotChange()
    {
        var there = RecipeWriter.Hash(Read("", "pairs: { path: /a/pairs.csv }, values: { path: /a/values.csv, columns: [age, pose] }"));
        Assert.Equal(there, RecipeWriter.Hash(Read("", "pairs: { path: /b/pairs.csv }, values: { path: /b/values.csv, columns: [age, pose] }")));
        Assert.NotEqual(there, RecipeWriter.Hash(Read("", "pairs: { path: /a/pairs.csv, positive: item }, values: { path: /a/values.csv, columns: [age, pose] }")));
        Assert.NotEqual(there, RecipeWriter.Hash(Read("", "pairs: { path: /a/pairs.csv }, values: { path: /a/values.csv, columns: [age] }")));
    }

    private static Recipe Read(string section, string data = "limit: 100") => new RecipeReader().ReadText(
        $$"""
        data: { path: /data, {{data}} }
        {{section}}
        views: [ { centerCrop: { size: 8 } } ]
        encoder: { backbone: resnet18 }
        method: { name: simclr }
        optimizer: { name: sgd }
        schedule: { name: constant, learningRate: 0.1 }
        training: { epochs: 1, globalBatchSize: 16 }
        """,
        "recipe");
}
