using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tests.Scaling;

/// <summary>The formula of docs/scaling.md at its limits.</summary>
public sealed class StepModelTests
{
    private static readonly Network _network = new(RanksPerNode: 8, NodeBandwidth: 100e9, NodeLatency: 20e-6, LinkBandwidth: 10e9, LinkLatency: 5e-6);

    private static readonly Cluster _cluster = Published.Cluster with { Network = _network };

    private static readonly Network _free = new(8, double.PositiveInfinity, 0, double.PositiveInfinity, 0);

    public static TheoryData<string> Workloads => ["simclr", "moco"];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void OneRankOnlyComputes(string name)
    {
        var step = StepModel.Predict(_cluster, Of(name), 256, 1);
        Assert.Equal(0, step.Norms + step.Gathers + step.ExposedAllReduce + step.Stragglers);
        var views = name == "simclr" ? 2 : 1 + (1 / 3.0); // a key goes forward only
        Assert.Equal(256 * views / _cluster.ViewsPerSecond, step.Compute, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void FreeMessagesScaleWithoutLoss(string name)
    {
        var cluster = _cluster with { Network = _free, Spread = 0, LaunchFloor = 0 };
        var one = StepModel.Predict(cluster, Of(name), 4096, 1);
        var many = StepModel.Predict(cluster, Of(name), 4096, 64);
        Assert.Equal(0, many.Norms + many.Gathers);
        Assert.Equal(0, many.ExposedAllReduce, 1e-12);
        Assert.Equal(one.Compute / 64, many.Compute, 1e-12);
        Assert.Equal(one.Loss / 64, many.Loss, 1e-12);
        Assert.Equal(one.Optimizer, many.Optimizer);
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void MoreRanksForTheSameBatchAreNeverSlowerThanTheirMessages(string name)
    {
        var steps = new[] { 1, 2, 4, 8, 16, 64, 512 }.Select(ranks => StepModel.Predict(_cluster, Of(name), 4096, ranks)).ToArray();
        foreach (var (fewer, more) in steps.Zip(steps.Skip(1)))
        {
            Assert.True(more.Compute <= fewer.Compute);
            Assert.True(more.Norms >= fewer.Norms && more.Gathers >= fewer.Gathers * 0.99);
        }

        Assert.Equal(2 * _cluster.LaunchFloor, steps[^1].Compute - (name == "moco" ? _cluster.LaunchFloor : 0), 1e-12);
    }

    [Fact]
    public void AnAllReduceCarriesWhatARingDoes()
    {
        var bytes = 800e6;
        Assert.Equal(0, _network.AllReduce(bytes, 1));
        Assert.Equal(20e-6 + (2 * 1 / 2.0 * bytes / 100e9), _network.AllReduce(bytes, 2), 1e-12);
        Assert.Equal(20e-6 + (2 * 7 / 8.0 * bytes / 100e9), _network.AllReduce(bytes, 8), 1e-12);
        // Over 4 nodes: each link carries an eighth of it, the latency grows with the doublings.
        Assert.Equal(
            20e-6 + (2 * 5e-6) + (2 * 7 / 8.0 * bytes / 100e9) + (2 * 3 / 4.0 * bytes / 8 / 10e9), _network.AllReduce(bytes, 32), 1e-12);
        Assert.Equal(_network.AllReduce(bytes, 32) - _network.Latency(32), 2 * (_network.AllGather(bytes, 32) - _network.Latency(32)), 1e-12);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(64)]
    public void MessagesCostMoreTheLargerTheyAreAndTheMoreRanksThereAre(int ranks)
    {
        Assert.True(_network.AllReduce(2e6, ranks) > _network.AllReduce(1e6, ranks));
        Assert.True(_network.AllReduce(1e6, 2 * ranks) > _network.AllReduce(1e6, ranks));
        Assert.True(_network.AllGather(1e6, 2 * ranks) > _network.AllGather(1e6, ranks));
        Assert.True(_network.Exchange(1e6, 2 * ranks) > _network.Exchange(1e6, ranks));
        Assert.True(_network.Exchange(1e6, ranks) < _network.AllGather(1e6 * ranks, ranks)); // own images away, or everybody's here
    }

    [Fact]
    public void OneSegmentIsWhollyExposedAndTheLastOfManyIs()
    {
        GradientSegment[] whole = [new("all", 1, 1)];
        Assert.Equal(0.3, Overlap.Exposed(whole, 1, _ => 0.3, 0), 1e-12);

        GradientSegment[] halves = [new("late", 1, 0.5), new("early", 1, 0.5)];
        Assert.Equal(0.2, Overlap.Exposed(halves, 1, _ => 0.2, 0), 1e-12); // the first is hidden
        Assert.Equal(0.8 + 0.8 - 0.5, Overlap.Exposed(halves, 1, _ => 0.8, 0), 1e-12); // messages wait for one another
        Assert.Equal(0.2 + (0.2 * 0.25), Overlap.Exposed(halves, 1, _ => 0.2, 0.25), 1e-12); // backward loses a quarter of what is beside it
        Assert.Equal(0.4, Overlap.Exposed(halves, 1, _ => 0.2, 1), 1e-12); // nothing is hidden where messages need the whole core
        Assert.Equal(0, Overlap.Exposed(halves, 1, _ => 0, 0.5), 1e-12);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void WhatIsExposedIsAtMostTheWholeAndGrowsWithInterference(double interference)
    {
        var segments = Architectures.ResNet50(4e6);
        double Message(GradientSegment segment) => segment.Parameters * 1e-9;
        var exposed = Overlap.Exposed(segments, 0.1, Message, interference);
        Assert.True(exposed <= segments.Sum(Message) + 1e-12);
        Assert.True(exposed >= Overlap.Exposed(segments, 0.1, Message, interference / 2));
    }

    [Fact]
    public void StagesOfAResNet50AreThoseOfTheNetwork()
    {
        Assert.Equal(23_508_032, Architectures.ResNet50(0).Sum(segment => segment.Parameters)); // 25,557,032 less the classifier's 2,049,000
        Assert.Equal(1, Architectures.ResNet50(0).Sum(segment => segment.BackwardShare), 1e-12);
        Assert.Equal(1, Architectures.ResNet20(0).Sum(segment => segment.BackwardShare), 1e-12);
    }

    [Fact]
    public void ALoaderThatIsSlowIsWaitedFor()
    {
        var slow = _cluster with { LoaderImagesPerSecond = 10 };
        var step = StepModel.Predict(slow, Of("simclr"), 512, 8);
        Assert.Equal(6.4, step.Total, 1e-9);
        Assert.True(step.Loader > 0);
        Assert.Equal(0, StepModel.Predict(_cluster, Of("simclr"), 512, 8).Loader);
    }

    [Fact]
    public void ShuffledImagesCostLeastWhereTheyAreLoaded()
    {
        double Total(Shuffle shuffle) => StepModel.Predict(_cluster, Published.MoCo with { Shuffle = shuffle }, 256 * 64, 64).Total;
        Assert.True(Total(Shuffle.Gathered) > Total(Shuffle.Exchanged));
        Assert.True(Total(Shuffle.Exchanged) > Total(Shuffle.Loaded));
        Assert.True(Total(Shuffle.Loaded) > Total(Shuffle.None));
    }

    [Fact]
    public void StatisticsOfANodeCostNoLinks()
    {
        var all = StepModel.Predict(_cluster, Published.SimClr, 4096, 512);
        var node = StepModel.Predict(_cluster, Published.SimClr with { NormRanks = 8 }, 4096, 512);
        Assert.Equal(2 * 54 * _network.AllReduce(Published.SimClr.NormBytes, 8), node.Norms, 1e-12);
        Assert.True(node.Norms < all.Norms);
    }

    [Fact]
    public void TheDocumentHasTheTablesOfTheTool()
    {
        var file = Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/scaling.md");
        Assert.Contains(Predictions.Markdown(), File.ReadAllText(file), StringComparison.Ordinal);

        static string Here([System.Runtime.CompilerServices.CallerFilePath] string path = "") => path;
    }

    private static Workload Of(string name) => name == "simclr" ? Published.SimClr : Published.MoCo;
}
