using System.Collections.Concurrent;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class BlockCacheTests
{
    [Fact]
    public void TheBlockNotUsedLongestIsDisplaced()
    {
        var loads = new List<int>();
        var cache = new BlockCache<int>(capacity: 20, number =>
        {
            loads.Add(number);
            return (number, 10);
        });
        foreach (var number in (int[])[1, 2, 1, 3, 1, 3, 2])
        {
            Assert.Equal(number, cache.Get(number));
        }

        Assert.Equal([1, 2, 3, 2], loads);
    }

    [Fact]
    public void ABlockLargerThanTheCacheIsKeptUntilTheNext()
    {
        var loads = 0;
        var cache = new BlockCache<int>(capacity: 1, number => (number, 10 + (++loads * 0)));
        cache.Get(1);
        cache.Get(1);
        Assert.Equal(1, loads);
        cache.Get(2);
        cache.Get(1);
        Assert.Equal(3, loads);
    }

    [Fact]
    public void OneLoadServesAllWhoAskMeanwhile()
    {
        var loads = 0;
        using var mayFinish = new ManualResetEventSlim();
        var cache = new BlockCache<int>(capacity: 100, number =>
        {
            Interlocked.Increment(ref loads);
            mayFinish.Wait(TestContext.Current.CancellationToken);
            return (number, 1);
        });
        var results = new ConcurrentBag<int>();
        var readers = Enumerable.Range(0, 8).Select(_ => new Thread(() => results.Add(cache.Get(5)))).ToList();
        readers.ForEach(reader => reader.Start());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref loads) == 1, TimeSpan.FromSeconds(30)));
        mayFinish.Set();
        readers.ForEach(reader => reader.Join());
        Assert.Equal(1, loads);
        Assert.Equal(8, results.Count);
    }

    [Fact]
    public void ALoadDoesNotBlockReadersOfOtherBlocks()
    {
        using var loading = new ManualResetEventSlim();
        using var mayFinish = new ManualResetEventSlim();
        var cache = new BlockCache<int>(capacity: 100, number =>
        {
            if (number == 2)
            {
                loading.Set();
                mayFinish.Wait(TestContext.Current.CancellationToken);
            }

            return (number, 1);
        });
        cache.Get(1);
        var slow = new Thread(() => cache.Get(2));
        slow.Start();
        loading.Wait(TestContext.Current.CancellationToken);
        Assert.Equal((1, 3), (cache.Get(1), cache.Get(3))); // Would hang if the load of 2 were under the lock.
        mayFinish.Set();
        slow.Join();
    }

    [Fact]
    public void AFailedLoadIsNotTriedForEveryImage()
    {
        var loads = 0;
        var cache = new BlockCache<int>(capacity: 10, number =>
        {
            loads++;
            throw new DataException("damaged");
        });
        Assert.Throws<DataException>(() => cache.Get(0));
        Assert.Throws<DataException>(() => cache.Get(0));
        Assert.Equal(1, loads);
    }
}
