using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class SilenceTests
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private readonly Silence _silence = new(limit: 5 * _second, look: _second);

    [Fact]
    public void ItIsToldOncePerHang()
    {
        Assert.Equal([false, false, false, false, false, true, false, false], Looks(beats: 7, 8));
        Assert.Equal([false, false, false, false, false, true, false], Looks(beats: 8, 7));
    }

    [Fact]
    public void EverySignOfLifeBeginsAnew()
    {
        for (var beats = 0; beats < 100; beats++)
        {
            Assert.DoesNotContain(true, Looks(beats, 5));
        }
    }

    [Fact]
    public void TimeInWhichTheProcessWasSuspendedDoesNotCount()
    {
        Looks(beats: 1, 1);
        Assert.False(_silence.IsTooLong(1, TimeSpan.FromDays(2))); // counts as two looks
        Assert.Equal([false, false, true], Looks(beats: 1, 3));
    }

    private bool[] Looks(long beats, int count) => [.. Enumerable.Range(0, count).Select(_ => _silence.IsTooLong(beats, _second))];
}
