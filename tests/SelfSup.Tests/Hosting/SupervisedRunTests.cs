using System.CommandLine;

using SelfSup.Cli;

namespace SelfSup.Tests.Hosting;

public sealed class SupervisedRunTests
{
    [Theory]
    [InlineData("--restarts", "3")]
    [InlineData("--restarts=3")]
    [InlineData("--restarts:3")]
    [InlineData("--devices", "cpu:4")]
    [InlineData("--devices", "0,1", "--restarts", "3", "--ranks-min=1")]
    public void TheProcessThatTrainsGetsTheSameCommandLineWithoutIt(params string[] options)
    {
        string[] before = ["pretrain", "a recipe.yaml", "--set", "training.epochs=5"];
        string[] after = ["--set", "optimizer.weightDecay=-1", "--run", "runs/x", "--set", "evaluation.test="];
        Assert.Equal([.. before, .. after], SupervisedRun.ArgumentsOf(Parse([.. before, .. options, .. after]).Tokens));
    }

    [Fact]
    public void ItsNumberIsNotNegative()
    {
        Assert.Equal("--restarts: must be at least 0, is -1", Assert.Single(Parse("pretrain", "x.yaml", "--restarts", "-1").Errors).Message);
        Assert.Single(Parse("pretrain", "x.yaml", "--restarts", "many").Errors);
    }

    private static ParseResult Parse(params string[] arguments)
    {
        var parsed = new RootCommand { PretrainCommand.Create() }.Parse(arguments);
        return parsed;
    }
}
