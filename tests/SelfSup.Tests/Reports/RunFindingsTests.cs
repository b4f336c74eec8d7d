using SelfSup.Reports;

using static TorchSharp.torch;

namespace SelfSup.Tests.Reports;

public sealed class RunFindingsTests
{
    /// <summary>What libtorch or the machine refuses is missing with a line of why; the rest of a report is made.</summary>
    [Fact]
    public void WhatCannotBeComputedIsMissing()
    {
        using var values = zeros(2, 3);
        var found = RunFindings.Try<string>(() => values.mm(values).ToString());
        Assert.Null(found.Value);
        Assert.Contains("2x3", found.Missing, StringComparison.Ordinal);
        Assert.DoesNotContain("frame", found.Missing, StringComparison.Ordinal);
        Assert.NotEmpty(RunFindings.Try<string>(() => $"{new long[70_000, 70_000]}").Missing!);
        Assert.Equal("found", RunFindings.Try(() => "found").Value);
        // A bug is none of these.
        Assert.Throws<InvalidOperationException>(() => RunFindings.Try<string>(() => throw new InvalidOperationException()));
    }

    [Fact]
    public void ProgressIsSaidEveryTenSeconds()
    {
        var time = new SlowTime();
        var said = new List<string>();
        var progress = new ImageProgress(3000, time, said.Add);
        for (var batch = 1; batch <= 10; batch++)
        {
            time.Seconds += 4;
            progress.Seen(300 * batch);
        }

        Assert.Equal(["900 of 3,000 images", "1,800 of 3,000 images", "2,700 of 3,000 images"], said);
    }

    private sealed class SlowTime : TimeProvider
    {
        public int Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
