using SelfSup.Datasets;

namespace SelfSup.Tests.Datasets;

public sealed class OrderedWorkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void ResultsComeInOrder(int workers)
    {
        var work = new OrderedWork<int>(workers, () => position => position * 2, _ => 1);
        Assert.Equal(Enumerable.Range(7, 993).Select(i => i * 2), work.Run(7, 1000, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AFailureComesAtItsPosition()
    {
        var work = new OrderedWork<int>(4, () => position => position == 50 ? throw new FormatException("50") : position, _ => 1);
        var seen = new List<int>();
        Assert.Throws<FormatException>(() => seen.AddRange(work.Run(0, 100, TestContext.Current.CancellationToken).Select(Seen)));
        Assert.Equal(50, _seen);
    }

    [Fact]
    public void AWorkerThatCannotBeMadeIsAFailure()
    {
        var work = new OrderedWork<int>(2, () => throw new FormatException(), _ => 1);
        Assert.Throws<FormatException>(() => work.Run(0, 10, TestContext.Current.CancellationToken).ToArray());
    }

    [Fact]
    public void ThreadsRunAheadOnlyAsFarAsMemoryAllows()
    {
        var made = 0;
        // Each result holds more than all that may wait.
        var work = new OrderedWork<int>(3, () => position => Interlocked.Increment(ref made), _ => 1L << 30);
        using var results = work.Run(0, 100, TestContext.Current.CancellationToken).GetEnumerator();
        Assert.True(results.MoveNext());
        Thread.Sleep(50);
        Assert.InRange(Volatile.Read(ref made), 1, 4); // what was begun when nothing waited yet
        while (results.MoveNext())
        {
        }

        Assert.Equal(100, made);
    }

    [Fact]
    public void CancellingEndsTheWaiting()
    {
        using var stopping = new CancellationTokenSource();
        using var never = new ManualResetEventSlim();
        var work = new OrderedWork<int>(1, () => position => { never.Wait(200); return position; }, _ => 1);
        stopping.CancelAfter(20);
        Assert.Throws<OperationCanceledException>(() => work.Run(0, 1000, stopping.Token).Count());
    }

    private int _seen;

    private int Seen(int value)
    {
        _seen++;
        return value;
    }
}
