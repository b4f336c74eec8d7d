using System.Collections.Concurrent;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class BlockCacheTests
{
    private const int BlockBytes = 1024;

    /// <summary>What one block takes: its content, and the least that is taken for its places.</summary>
    private const int Footprint = BlockBytes + 256;

    [Fact]
    public void TheBlockNotUsedLongestIsDisplaced()
    {
        var loads = new List<int>();
        var cache = Cache(2 * Footprint, loads.Add);
        foreach (var number in (int[])[1, 2, 1, 3, 1, 3, 2])
        {
            Assert.Equal(number, Get(cache, number));
        }

        Assert.Equal([1, 2, 3, 2], loads);
        Assert.Equal(2 * Footprint, cache.Buffers.Bytes);
    }

    [Fact]
    public void ABlockLargerThanTheCacheIsKeptUntilTheNext()
    {
        var loads = 0;
        var cache = Cache(1, _ => loads++);
        Get(cache, 1);
        Get(cache, 1);
        Assert.Equal(1, loads);
        Get(cache, 2);
        Get(cache, 1);
        Assert.Equal(3, loads);
        Assert.Equal(Footprint, cache.Buffers.Bytes);
    }

    [Fact]
    public void AHeldBlockIsNotOverwritten()
    {
        var cache = Cache(Footprint, _ => { });
        using (var held = cache.Hold(1))
        {
            Assert.Equal([2, 3, 4], new[] { Get(cache, 2), Get(cache, 3), Get(cache, 4) });
            var image = new StoredImage();
            Assert.True(held.Block.TryRead(0, image));
            Assert.Equal(BlockBytes, image.Bytes.Length);
            Assert.Equal(-1, image.Bytes.Span.IndexOfAnyExcept((byte)1));
        }

        Get(cache, 5);
        Assert.Equal(Footprint, cache.Buffers.Bytes);
    }

    [Fact]
    public void ADisplacedBlocksMemoryIsUsedForTheNext()
    {
        var cache = Cache(2 * Footprint, _ => { });
        for (var number = 0; number < 10; number++)
        {
            Get(cache, number % 5);
        }

        var image = new StoredImage(new byte[BlockBytes]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var number = 0; number < 1000; number++)
        {
            using var held = cache.Hold(number % 5);
            held.Block.TryRead(0, image);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    [Fact]
    public void OneLoadServesAllWhoAskMeanwhile()
    {
        var loads = 0;
        using var mayFinish = new ManualResetEventSlim();
        var cache = Cache(100, _ =>
        {
            Interlocked.Increment(ref loads);
            mayFinish.Wait(TestContext.Current.CancellationToken);
        });
        var results = new ConcurrentBag<int>();
        var readers = Enumerable.Range(0, 8).Select(_ => new Thread(() => results.Add(Get(cache, 5)))).ToList();
        readers.ForEach(reader => reader.Start());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref loads) == 1, TimeSpan.FromSeconds(30)));
        mayFinish.Set();
        readers.ForEach(reader => reader.Join());
        Assert.Equal(1, loads);
        Assert.Equal(Enumerable.Repeat(5, 8), results);
    }

    [Fact]
    public void ALoadDoesNotBlockReadersOfOtherBlocks()
    {
        using var loading = new ManualResetEventSlim();
        using var mayFinish = new ManualResetEventSlim();
        var cache = Cache(1 << 20, number =>
        {
            if (number == 2)
            {
                loading.Set();
                mayFinish.Wait(TestContext.Current.CancellationToken);
            }
        });
        Get(cache, 1);
        var slow = new Thread(() => Get(cache, 2));
        slow.Start();
        loading.Wait(TestContext.Current.CancellationToken);
        Assert.Equal((1, 3), (Get(cache, 1), Get(cache, 3))); // Would hang if the load of 2 were under the lock.
        mayFinish.Set();
        slow.Join();
    }

    [Fact]
    public void AFailedLoadIsNotTriedForEveryImage()
    {
        var loads = 0;
        var cache = Cache(10, _ =>
        {
            loads++;
            throw new DataException("damaged");
        });
        Assert.Throws<DataException>(() => cache.Hold(0));
        Assert.Throws<DataException>(() => cache.Hold(0));
        Assert.Equal(1, loads);
    }

    [Fact]
    public void AFileThatIsLostIsTriedAgain()
    {
        var loads = 0;
        var cache = Cache(10, _ =>
        {
            if (loads++ < 2)
            {
                throw LostFile.Unreadable("it", new UnauthorizedAccessException());
            }
        });
        Assert.Throws<DataException>(() => cache.Hold(0));
        Assert.Throws<DataException>(() => cache.Hold(0));
        Assert.Equal(0, Get(cache, 0));
        Assert.Equal(3, loads);
    }

    [Fact]
    public void ManyThreadsGetTheirBlocksFromACacheThatIsTooSmall()
    {
        var cache = Cache(3 * Footprint, _ => { });
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            for (var i = 0; i < 5000; i++)
            {
                var number = (i * (7 + (2 * thread))) % 31;
                Assert.Equal(number, Get(cache, number));
            }
        });
        Get(cache, 1);
        Get(cache, 40);
        Assert.InRange(cache.Buffers.Bytes, Footprint, 3 * Footprint);
    }

    /// <summary>A cache of blocks with one image, all bytes of which are the block's number.</summary>
    private static BlockCache Cache(long capacity, Action<int> loading) => new(capacity, BlockBytes, (number, block) =>
    {
        loading(number);
        block.ResetContent(BlockBytes).Fill((byte)number);
        block.ResetPlaces(1)[0] = new ImagePlace(0, BlockBytes);
    });

    private static int Get(BlockCache cache, int number)
    {
        using var held = cache.Hold(number);
        var image = new StoredImage();
        Assert.True(held.Block.TryRead(0, image));
        Assert.Equal(-1, image.Bytes.Span.IndexOfAnyExcept(image.Bytes.Span[0]));
        return image.Bytes.Span[0];
    }
}
