using System.CommandLine;

using SelfSup.Cli;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;

namespace SelfSup.Tests.Cli;

/// <summary>Which images the judging verbs judge by.</summary>
public sealed class SetArgumentsTests
{
    private const string Named = "classes: [a, b, c]";

    [Theory]
    [InlineData(Named, "", "a,b,c", null)]
    [InlineData(Named, "--except-classes a", "b,c", null)]
    [InlineData(Named, "--except-classes c,a", "b", null)]
    [InlineData(Named, "--classes x,a", "x,a", null)]
    [InlineData("exceptClasses: [a]", "--except-classes b", null, "a,b")]
    [InlineData("exceptClasses: [a]", "--classes a", "a", null)]
    [InlineData("limit: 5", "--except-classes b", null, "b")]
    [InlineData(Named, "--test /other --except-classes x", null, "x")] // other images, of which the recipe says nothing
    public void ClassesAreTheRecipesLessThoseOfTheFlag(string recipe, string flags, string? classes, string? except)
    {
        var images = Images(recipe, flags.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(classes?.Split(','), images.Classes);
        Assert.Equal(except?.Split(','), images.ExceptClasses);
    }

    [Theory]
    [InlineData("--except-classes", "a,Bb", "--except-classes: names 'Bb', must be among the classes that the recipe judges by, a, b, c; did you mean b?")]
    [InlineData("--except-classes", "c,b,a", "--except-classes: leaves none of the classes that the recipe judges by, a, b, c; name fewer")]
    [InlineData("--except-classes", "", "--except-classes: names no class, must name at least one")]
    [InlineData("--classes", " , ", "--classes: names no class, must name at least one")]
    [InlineData("--test", "", "--test: is empty, must be a path; name one or leave it out")]
    public void WhatNamesNothingIsRefused(string flag, string value, string message) =>
        Assert.StartsWith(message, Assert.Throws<RecipeException>(() => Images(Named, flag, value)).Message, StringComparison.Ordinal);

    [Fact]
    public void ClassesAreNotBothNamedAndLeftOut() => Assert.Contains(
        "exceptClasses: must not be set where classes is",
        Assert.Throws<RecipeException>(() => Images(Named, "--classes", "a,b", "--except-classes", "a")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void ALimitOfImagesThatAreNotThereIsRefused()
    {
        var reference = new ImagesOption("--reference", "Searched");
        var command = new Command("judge");
        reference.AddTo(command);
        Assert.Equal(
            "--reference-limit: has no effect without --reference; name images, or leave the limit out",
            Assert.Throws<RecipeException>(() => reference.Source(command.Parse(["--reference-limit", "200"]), null)).Message);
        Assert.Null(reference.Source(command.Parse([]), null));
        Assert.Equal(200, reference.Source(command.Parse(["--reference-limit", "200", "--reference", "here"]), null)!.Limit);
        Assert.Equal(200, reference.Source(command.Parse(["--reference-limit", "200"]), new() { Path = "/of the recipe" })!.Limit);
    }

    [Fact]
    public void AnEmptyPathForAResultIsRefused()
    {
        Assert.Equal(
            "--out: is empty, must be a path; name one or leave it out",
            Assert.Throws<RecipeException>(() => CommonOptions.RequireFolder("--out", "")).Message);
        CommonOptions.RequireFolder("--out", null);
        CommonOptions.RequireFolder("--out", "result.csv");
    }

    private static ImageSourceOptions Images(string test, params string[] flags)
    {
        var arguments = new SetArguments();
        var command = new Command("judge");
        arguments.AddTo(command);
        var recipe = new RecipeReader().ReadText(
            $$"""
            data: { path: /data }
            views: [ { centerCrop: { size: 8 } } ]
            encoder: { backbone: resnet18 }
            method: { name: simclr }
            optimizer: { name: sgd }
            schedule: { name: constant, learningRate: 0.1 }
            evaluation: { test: { path: /test, {{test}} } }
            """,
            "recipe");
        return arguments.TestImages(command.Parse(["run", .. flags]), recipe);
    }
}
