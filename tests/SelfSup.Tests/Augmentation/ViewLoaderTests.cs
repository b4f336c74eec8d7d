using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Augmentation;

public sealed class ViewLoaderTests
{
    private const int Size = 16;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void PixelsDoNotDependOnTheNumberOfWorkers(int workers)
    {
        using var source = RawImages.Random(60, 20, 18, blocks: 6);
        Assert.Equal(
            Seen(source, new ViewLoaderOptions { Workers = 1 }, 0, 7),
            Seen(source, new ViewLoaderOptions { Workers = workers, Prefetch = 4 }, 0, 7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void APassMayBeginAtAnyStep(long first)
    {
        using var source = RawImages.Random(60, 20, 18);
        var all = Seen(source, new ViewLoaderOptions { Workers = 2 }, 0, 7);
        Assert.Equal(all[(int)first..], Seen(source, new ViewLoaderOptions { Workers = 2 }, first, 7));
    }

    [Fact]
    public void BatchesSayWhatTheyHold()
    {
        using var source = RawImages.Random(50, 20, 18);
        using var loader = Loader(source, new ViewLoaderOptions { Workers = 2 });
        var seen = new List<long>();
        var step = 0L;
        foreach (var batch in loader.From(0, 6, Token))
        {
            using (batch)
            {
                Assert.Equal((step, step / 3), (batch.Step, batch.Epoch));
                Assert.Equal([16L], batch.Samples.shape);
                Assert.Equal(2, batch.Views.Count);
                Assert.All(batch.Views, view => Assert.Equal([16L, 3, Size, Size], view.shape));
                Assert.NotEqual(batch.Views[0].data<float>().ToArray(), batch.Views[1].data<float>().ToArray());
                var samples = batch.Samples.data<long>().ToArray();
                Assert.Equal(samples.Select(sample => sample % 3), batch.Labels.data<long>().ToArray());
                seen.AddRange(samples);
            }

            step++;
        }

        Assert.Equal(48, seen.Take(48).Distinct().Count());
        Assert.NotEqual(seen.Take(48), seen.Skip(48));
        Assert.Equal((6L, 96), (step, seen.Count));
    }

    [Fact]
    public void APassOverAllImagesKeepsOrderAndTheLastPartialBatch()
    {
        using var source = RawImages.Random(37, 20, 18);
        var pipeline = new ViewPipeline(new CenterCrop(new() { Size = Size }));
        using var loader = new ViewLoader(
            source, new SequentialBatches(37, 10), [pipeline], new() { Workers = 3 }, new());
        for (var pass = 0; pass < 2; pass++)
        {
            var seen = new List<long>();
            var values = new List<float>();
            foreach (var batch in loader.Pass(Token))
            {
                using (batch)
                {
                    Assert.Equal(batch.Samples.shape[0], batch.Views[0].shape[0]);
                    seen.AddRange(batch.Samples.data<long>().ToArray());
                    values.AddRange(batch.Views[0].data<float>().ToArray());
                }
            }

            Assert.Equal(Enumerable.Range(0, 37).Select(i => (long)i), seen);
            Assert.Equal(37 * 3 * Size * Size, values.Count);
        }
    }

    [Fact]
    public void SkippedImagesAreReplacedTheSameWayByAnyNumberOfWorkers()
    {
        using var source = RawImages.Random(40, 20, 18, 1, 3, 4, 5, 17, 33);
        var unreadable = new UnreadableImages();
        var options = new ViewLoaderOptions { Workers = 1, OnUnreadable = OnUnreadable.Skip };
        var alone = Seen(source, options, 0, 4, unreadable);
        Assert.Equal(5, unreadable.Count);
        Assert.All(alone, batch => Assert.Empty(batch.Samples.Intersect([3L, 4, 5, 17, 33])));
        Assert.Equal(alone, Seen(source, new() { Workers = 4, OnUnreadable = OnUnreadable.Skip }, 0, 4));
    }

    [Fact]
    public void SkippedImagesAreLeftOutOfAnEvaluation()
    {
        using var source = RawImages.Random(20, 20, 18, 1, 0, 1, 2, 3, 4, 6, 19);
        var unreadable = new UnreadableImages();
        using var loader = new ViewLoader(
            source, new SequentialBatches(20, 5), [new ViewPipeline(new CenterCrop(new() { Size = Size }))],
            new() { Workers = 2, OnUnreadable = OnUnreadable.Skip }, unreadable);
        var seen = new List<(long Step, long Sample, float First)>();
        foreach (var batch in loader.Pass(Token))
        {
            using (batch)
            {
                var samples = batch.Samples.data<long>().ToArray();
                var values = batch.Views[0].data<float>().ToArray();
                seen.AddRange(samples.Select((sample, row) => (batch.Step, sample, values[row * 3 * Size * Size])));
                Assert.Equal(samples.Select(sample => sample % 3), batch.Labels.data<long>().ToArray());
            }
        }

        // The first batch is empty and does not come; the rows of the others have moved up with their pixels.
        Assert.Equal([5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18], seen.Select(row => row.Sample));
        Assert.Equal(1, seen[0].Step);
        Assert.All(seen, row => Assert.Equal(
            source.Read((int)row.Sample).Bytes.Span[3 * (20 + 2)] / 255f, row.First));
        Assert.Equal(7, unreadable.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void AnUnreadableImageEndsThePassAtItsStep(int workers)
    {
        using var source = RawImages.Random(40, 20, 18, 1, 23, 31, 29);
        using var loader = new ViewLoader(
            source, new SequentialBatches(40, 10), [Views.SimClr(Size)], new() { Workers = workers }, new());
        var batches = 0;
        var error = Assert.Throws<DataException>(() =>
        {
            foreach (var batch in loader.Pass(Token))
            {
                batch.Dispose();
                batches++;
            }
        });
        Assert.Equal(2, batches);
        Assert.StartsWith("image 23: ", error.Message, StringComparison.Ordinal);

        using var readable = RawImages.Random(40, 20, 18);
        using var again = Loader(readable, new() { Workers = workers });
        Assert.Single(again.From(0, 1, Token));
    }

    [Fact]
    public void ALoaderGoesOnAfterAnError()
    {
        using var source = RawImages.Random(40, 20, 18, 1, 35);
        using var loader = new ViewLoader(
            source, new SequentialBatches(40, 10), [Views.SimClr(Size)], new() { Workers = 2 }, new());
        Assert.Throws<DataException>(() => Drain(loader.Pass(Token)));
        Assert.Equal(3, Drain(loader.From(0, 3, Token)));
    }

    [Fact]
    public void WhereNothingIsReadableAnErrorSaysSo()
    {
        using var source = RawImages.Random(10, 20, 18, 1, [.. Enumerable.Range(0, 10)]);
        using var loader = Loader(source, new() { OnUnreadable = OnUnreadable.Skip, Workers = 2 }, batchSize: 4);
        var error = Assert.Throws<DataException>(() => Drain(loader.From(0, 2, Token)));
        Assert.Contains("100 other images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnyOtherErrorOfAWorkerReachesTheConsumer()
    {
        using var source = new RawImages(RawImages.Pixels(40, 3 * 20 * 18), 20, 18)
        {
            Broken = (7, new NotSupportedException("made up")),
        };
        using var loader = Loader(source, new() { Workers = 3, OnUnreadable = OnUnreadable.Skip });
        Assert.Equal("made up", Assert.Throws<NotSupportedException>(() => Drain(loader.From(0, 4, Token))).Message);
    }

    [Fact]
    public void AConsumerMayStopEarlyAndBeginAgain()
    {
        using var source = RawImages.Random(60, 20, 18);
        using var loader = Loader(source, new() { Workers = 3, Prefetch = 2 });
        for (var pass = 0; pass < 20; pass++)
        {
            foreach (var batch in loader.From(pass, 1000, Token))
            {
                Assert.Equal(pass, batch.Step);
                batch.Dispose();
                break;
            }
        }
    }

    [Fact]
    public void NoMoreIsReadAheadThanTheRingHolds()
    {
        var reads = 0;
        using var source = new RawImages(RawImages.Pixels(320, 3 * 20 * 18), 20, 18)
        {
            Reading = _ => Interlocked.Increment(ref reads),
        };
        using var loader = Loader(source, new() { Workers = 4, Prefetch = 3 });
        var given = 0;
        foreach (var batch in loader.From(0, 20, Token))
        {
            // The consumer's batch and two more; what was given before has been handed back.
            Assert.InRange(Volatile.Read(ref reads), 16 * (given + 1), 16 * (given + 3));
            batch.Dispose();
            given++;
        }
    }

    [Fact]
    public void AConsumerThatHoldsAllBatchesIsToldSo()
    {
        using var source = RawImages.Random(60, 20, 18);
        using var loader = Loader(source, new() { Workers = 2, Prefetch = 2 });
        using var passing = loader.From(0, 10, Token).GetEnumerator();
        Assert.True(passing.MoveNext());
        var held = passing.Current;
        Assert.True(passing.MoveNext());
        Assert.NotSame(held, passing.Current);
        var error = Assert.Throws<InvalidOperationException>(() => passing.MoveNext());
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ASecondPassAtTheSameTimeIsRefused()
    {
        using var source = RawImages.Random(60, 20, 18);
        using var loader = Loader(source, new());
        using var first = loader.From(0, 10, Token).GetEnumerator();
        first.MoveNext();
        Assert.Throws<InvalidOperationException>(() => Drain(loader.From(0, 10, Token)));
    }

    [Fact]
    public void DisposingEndsAPassThatWaits()
    {
        // Many times, because the loader is disposed while its threads are still being started.
        for (var round = 0; round < 50; round++)
        {
            using var reached = new ManualResetEventSlim();
            using var release = new ManualResetEventSlim();
            using var source = new RawImages(RawImages.Pixels(16, 3 * 20 * 18), 20, 18)
            {
                Reading = _ =>
                {
                    reached.Set();
                    release.Wait();
                },
            };
            var loader = Loader(source, new() { Workers = 8 });
            Exception? seen = null;
            var token = Token; // the test's context is not known on other threads
            var consumer = new Thread(() => seen = Record.Exception(() => Drain(loader.From(0, 2, token))));
            consumer.Start();
            reached.Wait(Token);
            Exception? failure = null;
            var disposer = new Thread(() => failure = Record.Exception(loader.Dispose));
            disposer.Start();
            Thread.Yield();
            release.Set();
            disposer.Join();
            consumer.Join();
            Assert.Null(failure);
            // Unless the consumer was faster and already had both batches.
            Assert.True(seen is null or ObjectDisposedException, seen?.ToString());
            Assert.Throws<ObjectDisposedException>(() => Drain(loader.From(0, 2, Token)));
        }
    }

    [Fact]
    public void ACancelledTokenEndsTheWaiting()
    {
        using var stop = new CancellationTokenSource();
        using var release = new ManualResetEventSlim();
        using var source = new RawImages(RawImages.Pixels(40, 3 * 20 * 18), 20, 18)
        {
            Reading = _ =>
            {
                stop.Cancel();
                release.Set();
            },
        };
        using var loader = Loader(source, new() { Workers = 2 });
        Assert.Throws<OperationCanceledException>(() => Drain(loader.From(0, 1000, stop.Token)));
        Assert.True(release.IsSet);
    }

    [Fact]
    public void ALoaderKeepsNoTensors()
    {
        using var source = RawImages.Random(40, 20, 18);
        var before = TorchSharp.torch.Tensor.TotalCount;
        using (var scope = NewDisposeScope())
        {
            using var loader = Loader(source, new() { Workers = 2 });
            Drain(loader.From(0, 4, Token));
            Assert.Equal(before + 12, TorchSharp.torch.Tensor.TotalCount); // 3 slots of 2 views, samples and labels
        }

        Assert.Equal(before, TorchSharp.torch.Tensor.TotalCount);
    }

    [Fact]
    public void FewerImagesThanABatchAreRefused()
    {
        using var source = RawImages.Random(10, 20, 18);
        var error = Assert.Throws<RecipeException>(() => new ShuffledBatches(1, source, 16));
        Assert.Contains("10 images", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void AnImageThatWouldBecomeAbsurdlyLongIsUnreadable(bool skip, bool late)
    {
        using var source = new RawImages(RawImages.Pixels(3, 3 * 16000), 16000, 1);
        var unreadable = new UnreadableImages();
        using var loader = new ViewLoader(
            source,
            new SequentialBatches(3, 3),
            [late
                ? new ViewPipeline(
                    new Solarize(new() { Probability = 1 }), new Resize(new() { Size = 224 }), new CenterCrop(new() { Size = 224 }))
                : new ViewPipeline(new Resize(new() { Size = 224 }), new CenterCrop(new() { Size = 224 }))],
            new ViewLoaderOptions { Workers = 1, OnUnreadable = skip ? OnUnreadable.Skip : OnUnreadable.Fail },
            unreadable);
        if (skip)
        {
            Assert.Equal(0, Drain(loader.Pass(Token)));
            Assert.Equal(3, unreadable.Count);
            return;
        }

        var error = Assert.Throws<DataException>(() => Drain(loader.Pass(Token)));
        Assert.Equal(
            "image 0: an image of 16000 x 1 pixels, resize to 224 would make its long side 3,584,000, must be at most 65,536; "
            + "remove it or set data.onUnreadable: skip",
            error.Message);
    }

    private static ViewLoader Loader(
        RawImages source, ViewLoaderOptions options, int batchSize = 16, UnreadableImages? unreadable = null) =>
        new(source, new ShuffledBatches(options.Seed, source, batchSize, windowBlocks: 2),
            [Views.SimClr(Size), Views.SimClr(Size, blur: true)], options, unreadable ?? new());

    private static int Drain(IEnumerable<ViewBatch> batches)
    {
        var count = 0;
        foreach (var batch in batches)
        {
            batch.Dispose();
            count++;
        }

        return count;
    }

    private static List<Content> Seen(
        RawImages source, ViewLoaderOptions options, long first, long end, UnreadableImages? unreadable = null)
    {
        using var loader = Loader(source, options, unreadable: unreadable);
        var seen = new List<Content>();
        foreach (var batch in loader.From(first, end, Token))
        {
            using (batch)
            {
                var hash = new HashCode();
                foreach (var view in batch.Views)
                {
                    hash.AddBytes(view.bytes);
                }

                seen.Add(new Content(batch.Step, [.. batch.Samples.data<long>().ToArray()], hash.ToHashCode()));
            }
        }

        return seen;
    }

    /// <summary>What a batch held; equal where all pixels are.</summary>
    private sealed record Content(long Step, long[] Samples, int Pixels)
    {
        public bool Equals(Content? other) =>
            other is not null && Step == other.Step && Pixels == other.Pixels && Samples.SequenceEqual(other.Samples);

        public override int GetHashCode() => HashCode.Combine(Step, Pixels);
    }
}
