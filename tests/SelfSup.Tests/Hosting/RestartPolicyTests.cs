using SelfSup.Hosting.Supervision;

namespace SelfSup.Tests.Hosting;

public sealed class RestartPolicyTests
{
    [Fact]
    public void PausesGrowUntilThereIsProgress()
    {
        var policy = new RestartPolicy(restarts: 100);
        Assert.Equal(
            [1, 4, 1, 4, 16, 1],
            new[] { false, false, true, false, false, true }.Select(progressed => policy.Died(progressed).Pause.TotalSeconds));
        Assert.Equal(6, policy.Restarts);
    }

    [Fact]
    public void TheThirdDeathInVainIsTheLast()
    {
        var policy = new RestartPolicy(restarts: 100);
        Assert.Null(policy.Died(progressed: true).GivenUp);
        Assert.Null(policy.Died(progressed: false).GivenUp);
        Assert.Null(policy.Died(progressed: false).GivenUp);
        Assert.Equal("3 times in a row without a new checkpoint", policy.Died(progressed: false).GivenUp);
        Assert.Equal(3, policy.Restarts);
    }

    [Theory]
    [InlineData(1, "its one restart is used")]
    [InlineData(7, "all 7 restarts are used")]
    public void RestartsAreUsedUpEvenWithProgress(int restarts, string why)
    {
        var policy = new RestartPolicy(restarts);
        for (var i = 0; i < restarts; i++)
        {
            Assert.Null(policy.Died(progressed: true).GivenUp);
        }

        Assert.Equal(why, policy.Died(progressed: true).GivenUp);
        Assert.Equal(restarts, policy.Restarts);
    }

    [Fact]
    public void ADeathIsARepeatedOneWhereARestartBroughtNothing()
    {
        var policy = new RestartPolicy(restarts: 100);
        Assert.Equal(
            [false, true, false, true, true],
            new[] { true, false, true, false, false }.Select(progressed => policy.Died(progressed).IsRepeated));
        var other = new RestartPolicy(restarts: 100);
        Assert.Equal([false, true], new[] { false, false }.Select(progressed => other.Died(progressed).IsRepeated));
    }

    [Fact]
    public void WhatBecameOfMoreRanksDoesNotCountAgainstFewer()
    {
        var policy = new RestartPolicy(restarts: 100);
        for (var ranks = 4; ranks > 1; ranks--)
        {
            Assert.False(policy.Died(progressed: false).IsRepeated);
            Assert.True(policy.Died(progressed: false).IsRepeated);
            policy.GoesOnWithFewer();
        }

        Assert.Null(policy.Died(progressed: false).GivenUp);
        Assert.Null(policy.Died(progressed: false).GivenUp);
        Assert.NotNull(policy.Died(progressed: false).GivenUp);
    }
}
