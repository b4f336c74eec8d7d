using System.Diagnostics;

using SelfSup.Hosting.Supervision;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Hosting;

public sealed class RankGroupTests : IDisposable
{
    private static readonly TimeSpan _long = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _short = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void RanksThatNoticeADeathEndByThemselves()
    {
        using var group = Start(_long, "sleep 0.3; exit 6", "kill -KILL $$", "sleep 0.3; exit 6");
        Assert.Equal(new RunEnd(137) { Rank = 1, Lost = 1 }, group.Wait());
    }

    [Fact]
    public void RanksThatDoNotNoticeAreEndedAlsoWhereTheyAreStopped()
    {
        var watch = Stopwatch.StartNew();
        using var group = Start(_short, "exit 6", "kill -STOP $$; sleep 300");
        Assert.Equal(new RunEnd(6) { Rank = 0, Lost = 1 }, group.Wait());
        Assert.InRange(watch.Elapsed, _short, TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void ARankThatIsDoneLeavesTheOthersTheirTime()
    {
        using var group = Start(TimeSpan.FromMilliseconds(100), "exit 0", $"sleep 1; echo > {_folder.File("done")}");
        Assert.Equal(new RunEnd(0), group.Wait());
        Assert.True(File.Exists(_folder.File("done")));
    }

    [Fact]
    public void WhatTheyAreToldReachesAll()
    {
        const string Stops = "[ \"$(head -c 1 /dev/fd/$SELFSUP_SUPERVISOR)\" = T ] && exit 143; exit 1";
        using var group = Start(_long, Stops, Stops, Stops);
        group.Tell(SupervisorLink.Terminate);
        Assert.Equal(new RunEnd(143), group.Wait());
    }

    [Fact]
    public void TheEndOfWhatWatchesReachesAll()
    {
        var ends = $"head -c 1 /dev/fd/$SELFSUP_SUPERVISOR > /dev/null; echo > {_folder.Path}/ended-";
        using (Start(_long, ends + "0", ends + "1"))
        {
        }

        Assert.True(SpinWait.SpinUntil(() => File.Exists(_folder.File("ended-0")) && File.Exists(_folder.File("ended-1")), _long));
    }

    private static RankGroup Start(TimeSpan patience, params string[] scripts) =>
        RankGroup.Start([.. scripts.Select(script => new ProcessStartInfo("/bin/sh", ["-c", script]))], patience);
}
