using System.Diagnostics;

using SelfSup.Distributed;
using SelfSup.Hosting.Supervision;

namespace SelfSup.Tests.Hosting;

public sealed class RankStarterTests
{
    private static readonly ProcessStartInfo _rank = new("selfsup", ["pretrain", "x.yaml"]);

    [Fact]
    public void ARankOnAGpuIsToldItsPlace()
    {
        var start = new RankStarter(_rank, new RankDevices([4, 6, 7], 3), mpi: null) { Cores = 16 }.OnGpu(1, 6, 4711);
        Assert.Equal(("selfsup", "pretrain x.yaml"), (start.FileName, string.Join(' ', start.ArgumentList)));
        var variables = start.Environment.ToDictionary(v => v.Key, v => v.Value!);
        var found = RankEnvironment.Of(variables);
        Assert.Equal((1, 3, 1, 6), (found.Rank, found.Ranks, found.LocalRank, found.Device));
        Assert.Equal(("127.0.0.1", 4711), (found.MasterAddress, found.MasterPort));
        Assert.Equal("5", variables[RankStarter.CoresVariable]);
        Assert.DoesNotContain(RankEnvironment.DeviceVariable, _rank.Environment.Keys); // the next rank's is its own
    }

    [Fact]
    public void RanksOnTheCpuAreStartedByMpirunWithTheLinkAsTheirInput()
    {
        var starter = new RankStarter(_rank, new RankDevices(null, 4), new MpiProgram("/bin/mpirun", Launcher.OpenMpi, 4)) { MpiLibrary = "own" };
        var start = starter.UnderMpi("folder");
        Assert.Equal(SupervisorLink.StandardInput, start.Environment[SupervisorLink.Variable]);
        Assert.Contains("4", start.ArgumentList);
        Assert.Equal(4, starter.Ranks);
    }

    [Fact]
    public void ARunGoesOnWithoutARankOnlyWhereItMay()
    {
        var bound = new RankStarter(_rank, new RankDevices(null, 4), mpi: null) { GlobalBatch = 96 };
        Assert.Null(bound.GoOnWithout(1));
        Assert.Equal(4, bound.Ranks);
        var free = new RankStarter(_rank, new RankDevices([4, 5, 6, 7], 4), mpi: null) { GlobalBatch = 256, Least = 2 };
        Assert.Equal("rank 1 (GPU 5)", free.GoOnWithout(1));
        Assert.Equal(2, free.Ranks);
        Assert.Null(free.GoOnWithout(1));
        Assert.Equal(2, free.Ranks);
    }
}
