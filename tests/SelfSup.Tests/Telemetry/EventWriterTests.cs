using SelfSup.Telemetry.TensorBoard;
using SelfSup.Telemetry.TensorBoard.Schema;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Telemetry;

/// <summary>Event files as a run leaves them, also one that was killed.</summary>
public sealed class EventWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    private string Folder => _folder.File("tensorboard");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFileBeginsWithItsVersionAndHasWhatWasAdded()
    {
        using (var writer = Writer(0))
        {
            writer.Add(1, SummaryValues.Scalar("loss", 3));
            writer.Add(1, () => SummaryValues.Scalar("slow", 4));
            writer.Add(1, () => null);
            writer.FlushToDisk();
            Assert.Equal(["version", "start 0", "1 loss"], Events().Take(3)); // is there already
            writer.Add(2, SummaryValues.Scalar("loss", 2));
        }

        // What takes long comes when there is time for it.
        Assert.Equal(["1 loss", "1 slow", "2 loss", "start 0", "version"], Events().Order(StringComparer.Ordinal));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void ARunThatGoesOnCutsWhatItMakesAgain()
    {
        using (var writer = Writer(0))
        {
            Steps(writer, 1, 5);
        }

        using (var writer = Writer(4)) // goes on after step 3, and is killed in the middle of step 6
        {
            Steps(writer, 4, 6);
        }

        var killed = new EventFolder(Folder).Files[^1];
        File.WriteAllBytes(killed, File.ReadAllBytes(killed)[..^3]);
        Assert.Equal(["version", "start 0", "1 loss", "2 loss", "3 loss", "version", "start 4", "4 loss", "5 loss"], Events());

        using (var writer = Writer(6))
        {
            Steps(writer, 6, 7);
        }

        Assert.Equal(
            ["version", "start 0", "1 loss", "2 loss", "3 loss", "version", "start 4", "4 loss", "5 loss", "version", "start 6", "6 loss", "7 loss"], Events());
        Assert.Equal(3, new EventFolder(Folder).Files.Length);

        using (var writer = Writer(2)) // from an older checkpoint: files of which nothing stays go
        {
            Steps(writer, 2, 2);
        }

        Assert.Equal(["version", "start 0", "1 loss", "version", "start 2", "2 loss"], Events());
        using (Writer(0))
        {
        }

        Assert.Equal(["version", "start 0"], Events());
        Assert.Empty(_warnings);
    }

    [Fact]
    public void WhatCannotBeWrittenWaits()
    {
        _folder.Write("tensorboard", "a file where the folder should be");
        using (var writer = Writer(0))
        {
            Steps(writer, 1, 2);
            writer.FlushToDisk();
            writer.FlushToDisk();
            Assert.Contains("tensorboard: cannot be written", Assert.Single(_warnings), StringComparison.Ordinal);
            File.Delete(Folder);
            Steps(writer, 3, 3);
            writer.FlushToDisk();
        }

        Assert.Contains("can be written again; nothing is missing", _warnings[1], StringComparison.Ordinal);
        Assert.Equal(["version", "start 0", "1 loss", "2 loss", "3 loss"], Events());
    }

    [Fact]
    public void WhoeverIsToldMayFail()
    {
        _folder.Write("tensorboard", "a file where the folder should be");
        using (var writer = new EventWriter(Folder, _ => true, 0, TimeProvider.System, _ => throw new IOException("a terminal that is gone")))
        {
            writer.Add(1, () => throw new InvalidOperationException());
            Steps(writer, 1, 1);
            writer.FlushToDisk();
            File.Delete(Folder);
        }

        Assert.Equal(["version", "start 0", "1 loss"], Events());
    }

    [Fact]
    public void WhatCannotBeMadeIsLeftOut()
    {
        using (var writer = Writer(0))
        {
            writer.Add(1, () => throw new IOException("no picture"));
            Steps(writer, 1, 1);
        }

        Assert.Contains("no picture", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Equal(["version", "start 0", "1 loss"], Events());
    }

    private static void Steps(EventWriter writer, long first, long last)
    {
        for (var step = first; step <= last; step++)
        {
            writer.Add(step, SummaryValues.Scalar("loss", step));
        }
    }

    private EventWriter Writer(long first) => new(Folder, happened => happened.Step >= first, first, TimeProvider.System, _warnings.Add);

    private IEnumerable<string> Events()
    {
        foreach (var file in new EventFolder(Folder).Files)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            while (EventRecord.Read(stream) is { } read)
            {
                yield return read.WhatCase switch
                {
                    Event.WhatOneofCase.FileVersion => "version",
                    Event.WhatOneofCase.SessionLog => $"start {read.Step}",
                    _ => $"{read.Step} {string.Join(' ', read.Summary.Value.Select(value => value.Tag))}",
                };
            }
        }
    }
}
