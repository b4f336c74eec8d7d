using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Datasets;

/// <summary>Packs that end early, on images that fill several files of several row groups.</summary>
public sealed class PackResumeTests : IDisposable
{
    private const int Count = 180;

    private readonly TemporaryFolder _folder = new();

    public PackResumeTests()
    {
        for (var i = 0; i < Count; i++)
        {
            _folder.Write($"in/class {i % 3}/{i:D3}.bmp", Noise(i));
        }

        _folder.Write("in/class 1/bad.bmp", [1, 2, 3]);
        _folder.Write("in/class 2/bad.bmp", [1, 2, 3]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AnInterruptedPackIsByteIdenticalWhereverItStopped()
    {
        var whole = Pack("whole.parquet");
        Assert.True(whole.Files.Count > 3, "several files, so that the end of one is met too");
        foreach (var stop in new[] { 0, 1, 15, 60, 121, Count + 1 })
        {
            var name = $"stopped-{stop}.parquet";
            Assert.Throws<OperationCanceledException>(() => Pack(name, stopAt: stop));
            Assert.Empty(Directory.EnumerateFiles(_folder.Path, $"stopped-{stop}*"));
            var resumed = Pack(name, workers: 3);
            IsTheSame(whole, resumed);
        }
    }

    [Fact]
    public void APackThatIsStoppedAgainAndAgainIsByteIdentical()
    {
        var whole = Pack("whole.parquet");
        PackReport? report = null;
        for (var starts = 0; report is null; starts++)
        {
            Assert.True(starts < Count, "it gets further with each start");
            try
            {
                var first = -1;
                report = Pack("stopped.parquet", stop: p => p.Done >= (first < 0 ? first = p.Done : first) + 50);
            }
            catch (OperationCanceledException)
            {
            }
        }

        IsTheSame(whole, report);
    }

    [Fact]
    public void WhatAKillLeftHalfWrittenIsDropped()
    {
        var whole = Pack("whole.parquet");
        Assert.Throws<OperationCanceledException>(() => Pack("out.parquet", stopAt: 70));
        HalfWritten.Leave(_folder.File("out.parquet.partial"));
        IsTheSame(whole, Pack("out.parquet"));
    }

    [Fact]
    public void AnEndWhileFilesGetTheirNamesLosesNothing()
    {
        var whole = Pack("whole.parquet");
        var second = whole.Files[1].Replace("whole", "out", StringComparison.Ordinal);
        Directory.CreateDirectory(second);
        Assert.Contains("cannot be written", Assert.Throws<TrainingException>(() => Pack("out.parquet")).Message, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(whole.Files[0]), File.ReadAllBytes(whole.Files[0].Replace("whole", "out", StringComparison.Ordinal)));
        Directory.Delete(second);
        IsTheSame(whole, Pack("out.parquet"));
    }

    [Fact]
    public void TheNumberOfWorkersChangesNothing()
    {
        var one = Pack("one.parquet", workers: 1);
        IsTheSame(one, Pack("seven.parquet", workers: 7));
    }

    [Fact]
    public void OtherSettingsAreRefusedAndNamed()
    {
        Assert.Throws<OperationCanceledException>(() => Pack("out.parquet", stopAt: 70));
        var error = Assert.Throws<CheckpointException>(() => Pack("out.parquet", shortSide: 20));
        Assert.Contains("short-side was not set, is 20", error.Message, StringComparison.Ordinal);
        Assert.Contains("--overwrite", error.Message, StringComparison.Ordinal);
        IsTheSame(Pack("whole.parquet", shortSide: 20), Pack("out.parquet", shortSide: 20, overwrite: true));
    }

    [Fact]
    public void ChangedImagesAreRefused()
    {
        Assert.Throws<OperationCanceledException>(() => Pack("out.parquet", stopAt: 70));
        File.WriteAllBytes(_folder.File("in/class 0/000.bmp"), Noise(1000));
        var error = Assert.Throws<CheckpointException>(() => Pack("out.parquet"));
        Assert.Contains("have changed since", error.Message, StringComparison.Ordinal);
        IsTheSame(Pack("whole.parquet"), Pack("out.parquet", overwrite: true));
    }

    [Fact]
    public void ADamagedFolderIsRefusedAndBegunAnewWhenAskedFor()
    {
        Assert.Throws<OperationCanceledException>(() => Pack("out.parquet", stopAt: 70));
        var shard = Directory.EnumerateFiles(_folder.File("out.parquet.partial"), "shard-*").Order().Last();
        File.WriteAllText(shard, "short");
        Assert.Contains("is shorter than the journal", Assert.Throws<CheckpointException>(() => Pack("out.parquet")).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("out.parquet.partial/journal.json"), "{");
        Assert.Contains("cannot be read", Assert.Throws<CheckpointException>(() => Pack("out.parquet")).Message, StringComparison.Ordinal);
        IsTheSame(Pack("whole.parquet"), Pack("out.parquet", overwrite: true));
    }

    [Fact]
    public void FilesThatVanishEndThePackAndLetItGoOn()
    {
        var whole = Pack("whole.parquet");
        var error = Assert.Throws<DataException>(() => Pack("out.parquet", stop: progress =>
        {
            if (progress.Done == 70)
            {
                Directory.Move(_folder.File("in"), _folder.File("away"));
            }

            return false;
        }));
        Assert.Contains("this file is gone", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("out.parquet.partial/journal.json")));
        Directory.Move(_folder.File("away"), _folder.File("in"));
        IsTheSame(whole, Pack("out.parquet"));
    }

    [Fact]
    public void ALinkToNothingIsNotSkipped()
    {
        File.CreateSymbolicLink(_folder.File("in/class 0/link.bmp"), "nowhere");
        var error = Assert.Throws<DataException>(() => Pack("out.parquet"));
        Assert.StartsWith(_folder.File("in/class 0/link.bmp") + ": this file is gone, or a link to nothing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFailureIsPassedByGoingOnWithSkip()
    {
        var whole = Pack("whole.parquet");
        Assert.Throws<DataException>(() => Pack("out.parquet", onUnreadable: OnUnreadable.Fail));
        IsTheSame(whole, Pack("out.parquet"));
    }

    [Fact]
    public void WhatWasSkippedFailsAfterAll()
    {
        Assert.Throws<OperationCanceledException>(() => Pack("out.parquet", stopAt: Count + 1));
        var error = Assert.Throws<DataException>(() => Pack("out.parquet", onUnreadable: OnUnreadable.Fail));
        Assert.Contains("bad.bmp: not a JPEG", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OnePackAtATime() => Assert.Contains(
        "is in use by another process",
        Assert.Throws<RecipeException>(() => Pack("out.parquet", stop: _ => Pack("out.parquet") is null)).Message,
        StringComparison.Ordinal);

    private PackReport Pack(
        string output, int? stopAt = null, Func<PackProgress, bool>? stop = null, int workers = 2, int? shortSide = null,
        OnUnreadable onUnreadable = OnUnreadable.Skip, bool overwrite = false)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        return new DatasetPacker(new()
        {
            Source = new() { Path = _folder.File("in"), OnUnreadable = onUnreadable },
            Output = _folder.File(output),
            ShardMegabytes = 1,
            ShortSide = shortSide,
            Workers = workers,
            Overwrite = overwrite,
        }).Run(
            progress =>
            {
                if (progress.Done >= stopAt || stop?.Invoke(progress) == true)
                {
                    stopping.Cancel();
                }
            },
            stopping.Token);
    }

    private static void IsTheSame(PackReport expected, PackReport actual)
    {
        Assert.Equal(expected.Images, actual.Images);
        Assert.Equal(expected.Unreadable, actual.Unreadable);
        Assert.Equal(expected.Files.Select(File.ReadAllBytes), actual.Files.Select(File.ReadAllBytes));
        Assert.Equal(File.ReadAllText(expected.UnreadableFile!), File.ReadAllText(actual.UnreadableFile!));
    }

    /// <summary>A bitmap of random pixels, of about 19 kilobytes.</summary>
    private static byte[] Noise(int number)
    {
        const int Width = 100, Height = 64, Header = 54;
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("BM"u8);
        foreach (var value in new[] { Header + (3 * Width * Height), 0, Header, 40, Width, Height, 1 | (24 << 16), 0, 0, 0, 0, 0, 0 })
        {
            writer.Write(value);
        }

        var random = new CounterRandom(1, RandomPurpose.Selection, 0, number);
        for (var i = 0; i < 3 * Width * Height; i++)
        {
            writer.Write((byte)random.NextInt(256));
        }

        return stream.ToArray();
    }
}
