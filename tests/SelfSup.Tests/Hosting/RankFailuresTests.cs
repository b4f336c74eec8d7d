using SelfSup.Hosting.Supervision;

namespace SelfSup.Tests.Hosting;

public sealed class RankFailuresTests
{
    [Theory]
    [InlineData("0:0 1:0", 0, null, null)]
    [InlineData("1:143 0:143", 143, null, null)]
    [InlineData("1:0 0:130", 130, null, null)]
    [InlineData("2:137 0:6 1:6", 137, 2, 2)] // killed
    [InlineData("0:6 1:6 2:139", 139, 2, 2)] // its crash took longer than the others' end
    [InlineData("1:3 0:6 2:6", 3, 1, 1)] // an error of its own
    [InlineData("1:5 0:5 2:5", 5, 1, null)] // all alike: it is the run
    [InlineData("0:2 1:2", 2, 0, null)]
    [InlineData("0:6 1:6", 6, 0, null)] // they know, this does not
    [InlineData("0:6 1:6 2:hangs", 6, 0, 2)] // stopped: it had to be ended
    [InlineData("0:6 1:hangs 2:hangs", 6, 0, null)]
    public void TheCauseIsTheRankThatDidNotLoseAnother(string ends, int exitCode, int? rank, int? lost)
    {
        var failures = new RankFailures();
        var outlived = new List<int>();
        foreach (var end in ends.Split(' ').Select(end => end.Split(':')))
        {
            if (end[1] == "hangs")
            {
                outlived.Add(int.Parse(end[0], null));
            }
            else
            {
                failures.Add(int.Parse(end[0], null), int.Parse(end[1], null));
            }
        }

        failures.Outlived([.. outlived]);
        Assert.Equal(new RunEnd(exitCode) { Rank = rank, Lost = lost }, failures.End);
    }
}
