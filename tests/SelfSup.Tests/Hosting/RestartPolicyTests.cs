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
}
