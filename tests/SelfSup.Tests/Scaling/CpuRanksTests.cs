using SelfSup.Errors;
using SelfSup.Tests.Support;
using SelfSup.Tools.Scaling;
using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tests.Scaling;

/// <summary>Steps of CPU ranks, predicted from one rank's.</summary>
public sealed class CpuRanksTests
{
    private static readonly MeasuredStep _one = new(64, 1, 1e6, new Dictionary<string, double>
    {
        ["dataWait"] = 0.5,
        ["forward"] = 30,
        ["compare"] = 2,
        ["backward"] = 60,
        ["allReduce"] = 0,
        ["optimizer"] = 1,
    });

    private static readonly Workload _workload = new()
    {
        Segments = [new GradientSegment("late", 3, 0.5), new GradientSegment("early", 1, 0.5)],
        LearnedViews = 2,
        ViewBytes = 0,
        GatheredViews = 2,
    };

    [Fact]
    public void OneRankIsItself() => Assert.Equal(_one.Milliseconds, CpuRanks.Predict(_one, 64, Cost(1), 2, _workload));

    [Fact]
    public void RanksWithCoresOfTheirOwnLoseOnlyMessages()
    {
        var two = CpuRanks.Predict(_one, 64, Cost(2), 2, _workload);
        Assert.Equal(30, two["forward"], 1e-9);
        var gather = 1e3 * Cost(2).Network.AllGather(2 * 128 * 128 * 4, 2);
        Assert.Equal(2 * 2 + gather, two["compare"], 1e-9); // twice as many columns
        Assert.Equal(60 + gather, two["backward"], 1e-9);
        var early = 1e3 * Cost(2).Network.AllReduce(0.25e6, 2);
        Assert.Equal(early, two["allReduce"], 1e-9); // the late segment's is hidden
    }

    [Fact]
    public void RanksThatShareCoresTakeTurns()
    {
        var four = CpuRanks.Predict(_one, 32, Cost(4), 2, _workload);
        Assert.Equal(30, four["forward"], 1e-9); // half the images, half a core
        Assert.Equal(2, four["optimizer"], 1e-9); // as many weights, half a core
    }

    [Fact]
    public void NormsOverRanksCostAMessageALayerAndDirection()
    {
        var local = CpuRanks.Predict(_one, 64, Cost(2), 2, _workload);
        var synced = CpuRanks.Predict(_one, 64, Cost(2), 2, _workload with { SyncedNorms = 10, NormBytes = 512 });
        Assert.Equal(1e4 * Cost(2).Network.AllReduce(512, 2), synced["forward"] - local["forward"], 1e-9);
        Assert.Equal(synced["forward"] - local["forward"], synced["backward"] - local["backward"], 1e-9);
    }

    [Fact]
    public void LatencyAndBandwidthAreFoundAgain()
    {
        CommunicationCost.SizedTime[] times =
            [.. new[] { 4.0, 1e4, 1e5, 1e6, 1e7 }.Select(bytes => new CommunicationCost.SizedTime(bytes, 30e-6 + (1.5 * bytes / 2e9)))];
        var (latency, bandwidth) = CommunicationCost.Fit(times, 4);
        Assert.Equal(30e-6, latency, 1e-10);
        Assert.Equal(2e9, bandwidth, 1e3);
    }

    [Fact]
    public void AProfileIsReadAndAnotherFileRefused()
    {
        using var folder = new TemporaryFolder();
        var step = MeasuredStep.Read(folder.Write(
            "one.json",
            """{"batchSize":32,"threads":1,"memory":{"gradients":1000},"parts":{"forward":{"milliseconds":3,"share":0.5},"backward":{"milliseconds":5,"share":0.5}}}"""));
        Assert.Equal((32, 1, 1000, 8), (step.Images, step.Threads, step.GradientBytes, step.Total));
        Assert.Equal(0, step["allReduce"]);
        Assert.Throws<RecipeException>(() => MeasuredStep.Read(folder.Write("no.json", "{}")));
        Assert.Throws<RecipeException>(() => CommunicationCost.Read(folder.File("nowhere.json")));
        Assert.Equal(Cost(2).Network, CommunicationCost.Read(folder.Write("cost.json", Cost(2).ToString())).Network);
    }

    private static CommunicationCost Cost(int ranks) => new()
    {
        Engine = "test",
        Processor = "test",
        Cores = 2,
        CoresOfRank = 2,
        Ranks = ranks,
        LatencySeconds = 10e-6,
        BusBandwidth = 1e9,
        Interference = 0,
        AllReduce = [],
    };
}
