using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Augmentation;

/// <summary>The loader over files that cannot be read: it waits a little, and never goes on with other images.</summary>
public sealed class LostSourceTests : IDisposable
{
    private const int Size = 16;

    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(1);

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AFileThatCannotBeReadIsNeverSkipped(bool isTraining)
    {
        string[] paths = [.. Enumerable.Range(0, 12).Select(i => _folder.Write($"{i:D2}.png", Fixture.Bytes("png-rgb.png")))];
        _folder.Write("99.png", "no image"); // which may be skipped
        foreach (var damage in (Action[])[
            () => File.Delete(paths[5]), () => Directory.CreateDirectory(paths[5]), () => File.CreateSymbolicLink(paths[5], "nowhere"),
            () => _folder.Write("05.png", Fixture.Bytes("png-palette.png"))])
        {
            _folder.Write("05.png", Fixture.Bytes("png-rgb.png"));
            using var source = new FolderSource(_folder.Path);
            Assert.Equal(13, source.Files.Folder!.Files);
            var unreadable = new UnreadableImages();
            using var loader = new ViewLoader(
                source, isTraining ? new ShuffledBatches(1, source, 4) : new SequentialBatches(13, 4),
                [Views.SimClr(Size)], new() { Workers = 2, OnUnreadable = OnUnreadable.Skip, Pauses = [_moment] }, unreadable);
            File.Delete(paths[5]);
            damage();
            var error = Assert.Throws<DataException>(() => Drain(loader.From(0, 9, Token)));
            Assert.StartsWith(paths[5] + ": ", error.Message, StringComparison.Ordinal);
            Assert.True(error.IsSourceLost);
            Assert.DoesNotContain(unreadable.Snapshot(), image => image.Where != _folder.File("99.png"));
            if (Directory.Exists(paths[5]))
            {
                Directory.Delete(paths[5]);
            }

            File.Delete(paths[5]);
        }
    }

    [Fact]
    public void AParquetFileThatIsCutOffIsNeverSkipped()
    {
        var path = _folder.File("it.parquet");
        ParquetFile.Write(path, [.. Enumerable.Repeat(Fixture.Bytes("png-rgb.png"), 12).Chunk(3)]);
        using var source = ImageSources.Open(new() { Path = path });
        var unreadable = new UnreadableImages();
        using var loader = new ViewLoader(
            source, new ShuffledBatches(1, source, 4), [Views.SimClr(Size)], new() { OnUnreadable = OnUnreadable.Skip }, unreadable);
        File.WriteAllText(path, "");
        Assert.Contains(
            "has changed since it was opened", Assert.Throws<DataException>(() => Drain(loader.From(0, 9, Token))).Message,
            StringComparison.Ordinal);
        Assert.Empty(unreadable.Snapshot());
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, true)]
    public void AFailureThatPassesIsWaitedFor(int failures, bool skips)
    {
        using var undisturbed = RawImages.Random(20, 20, 18);
        var reads = 0;
        using var source = new RawImages(RawImages.Pixels(20, 3 * 20 * 18), 20, 18)
        {
            Reading = index =>
            {
                if (index == 7 && Interlocked.Increment(ref reads) <= failures)
                {
                    throw LostFile.Unreadable("image 7", new IOException("Stale file handle"));
                }
            },
        };
        var options = new ViewLoaderOptions
        {
            Workers = 2,
            OnUnreadable = skips ? OnUnreadable.Skip : OnUnreadable.Fail,
            Pauses = [_moment, _moment, _moment],
        };
        Assert.Equal(Pixels(undisturbed, options, new()), Pixels(source, options, new()));
        Assert.Equal(failures + 1, reads);
    }

    [Fact]
    public void AFailureThatStaysIsTheOneThatIsReported()
    {
        using var source = Failing(7, LostFile.Unreadable("image 7", new UnauthorizedAccessException("no key")));
        var unreadable = new UnreadableImages();
        var error = Assert.Throws<DataException>(
            () => Pixels(source, new() { Workers = 2, OnUnreadable = OnUnreadable.Skip, Pauses = [_moment, _moment] }, unreadable));
        Assert.StartsWith("image 7: this file may not be read (no key)", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, unreadable.Count);
    }

    [Fact]
    public void TheWaitingEndsWithThePass()
    {
        using var reached = new ManualResetEventSlim();
        using var source = new RawImages(RawImages.Pixels(8, 3 * 20 * 18), 20, 18)
        {
            Reading = _ =>
            {
                reached.Set();
                throw LostFile.Unreadable("it", new IOException("Input/output error"));
            },
        };
        var loader = Loader(source, new() { Workers = 2, Pauses = [TimeSpan.FromDays(1)] }, new());
        var token = Token; // the test's context is not known on other threads
        Exception? seen = null;
        var consumer = new Thread(() => seen = Record.Exception(() => Drain(loader.Pass(token))));
        consumer.Start();
        reached.Wait(Token);
        loader.Dispose(); // would take a day
        consumer.Join();
        Assert.IsType<ObjectDisposedException>(seen);
    }

    [Fact]
    public void WhatOneWorkerHasWaitedForInVainNoOtherWaitsFor()
    {
        using var waiting = new ManualResetEventSlim();
        using var source = new RawImages(RawImages.Pixels(8, 3 * 20 * 18), 20, 18)
        {
            Reading = index =>
            {
                if (index == 0)
                {
                    waiting.Set();
                    throw LostFile.Unreadable("image 0", new IOException("Input/output error"));
                }

                waiting.Wait();
                throw LostFile.Changed($"image {index}", new(1, 0), new(2, 0));
            },
        };
        using var loader = Loader(source, new() { Workers = 2, Pauses = [TimeSpan.FromDays(1)] }, new());
        Assert.StartsWith(
            "image 0: this file cannot be read", Assert.Throws<DataException>(() => Drain(loader.Pass(Token))).Message,
            StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static RawImages Failing(int index, Exception exception) =>
        new(RawImages.Pixels(20, 3 * 20 * 18), 20, 18) { Broken = (index, exception) };

    private static ViewLoader Loader(RawImages source, ViewLoaderOptions options, UnreadableImages unreadable) => new(
        source, new SequentialBatches(source.Count, 4), [new ViewPipeline(new CenterCrop(new() { Size = Size }))], options, unreadable);

    private static List<float> Pixels(RawImages source, ViewLoaderOptions options, UnreadableImages unreadable)
    {
        using var loader = Loader(source, options, unreadable);
        var values = new List<float>();
        foreach (var batch in loader.Pass(Token))
        {
            using (batch)
            {
                values.AddRange(batch.Views[0].data<float>().ToArray());
            }
        }

        return values;
    }

    private static void Drain(IEnumerable<ViewBatch> batches)
    {
        foreach (var batch in batches)
        {
            batch.Dispose();
        }
    }
}
