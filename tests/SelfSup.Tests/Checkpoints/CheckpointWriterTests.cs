using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Optimization;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Checkpoints;

/// <summary>Writing beside training: what is written is what was there at the snapshot, and a failing disk loses nothing.</summary>
public sealed class CheckpointWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CheckpointStore _store;
    private readonly Counter _counter = new(0);

    public CheckpointWriterTests() => _store = new CheckpointStore(_folder.File("checkpoints"));

    public void Dispose()
    {
        _counter.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void TrainingGoesOnWhileACheckpointIsWritten()
    {
        using var writer = Writer();
        using var gate = new ManualResetEventSlim();
        Count(5);
        writer.Begin(Manifests.Of(5), Exchange, beforehand: gate.Wait);
        writer.Settle();
        Count(8); // the snapshot is not what is trained on
        Assert.Empty(writer.News());
        Assert.Empty(_store.Paths);
        gate.Set();
        writer.Finish();
        Assert.Equal(5, Assert.Single(writer.News()).Step);
        Assert.Equal(5, Loaded());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WeightsAreThoseOfTheSnapshotHoweverTheyLieInMemory(bool channelsLast)
    {
        using var network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 5));
        using var weights = new FlatParameters(network, channelsLast);
        using var before = weights.Values.clone();
        using var writer = Writer();
        for (var step = 1; step <= 2; step++) // the second in the memory of the first
        {
            using (no_grad())
            {
                weights.Values.copy_(before * step);
            }

            writer.Begin(Manifests.Of(step), archive => archive.Part("weights", weights));
            writer.Settle();
            using (no_grad())
            {
                weights.Values.zero_();
            }

            writer.Finish();
            var (_, state) = CheckpointStore.Load(_store.Paths[^1]);
            using (state)
            {
                state.Part("weights", weights);
            }

            Assert.True(weights.Values.equal(before * step).all().item<bool>());
        }
    }

    [Fact]
    public void TheNextWaitsForTheOneBefore()
    {
        using var writer = Writer();
        using var gate = new ManualResetEventSlim();
        Count(1);
        writer.Begin(Manifests.Of(1), Exchange, beforehand: gate.Wait);
        var second = new Thread(() =>
        {
            Count(2);
            writer.Begin(Manifests.Of(2), Exchange);
        });
        second.Start();
        Assert.False(second.Join(100));
        gate.Set();
        Assert.True(second.Join(TimeSpan.FromMinutes(1)));
        writer.Finish();
        Assert.Equal([1, 2], writer.News().Select(news => news.Step));
        Assert.Equal(2, Loaded());
    }

    [Fact]
    public void ADiskThatFailsIsTriedAgainWhileTrainingGoesOn()
    {
        using var writer = Writer(TimeSpan.FromHours(1));
        File.WriteAllText(_store.Folder, "in the way");
        Count(5);
        writer.Begin(Manifests.Of(5), Exchange);
        var problem = WaitForNews(writer);
        Assert.Null(problem.Path);
        Assert.Contains("the checkpoint cannot be written", problem.Problem, StringComparison.Ordinal);
        File.Delete(_store.Folder);
        Assert.Equal(5, WaitForNews(writer).Step);
        Assert.Equal(5, Loaded());
    }

    [Fact]
    public void ANewerSnapshotTakesThePlaceOfOneThatCannotBeWritten()
    {
        using var writer = Writer(TimeSpan.FromHours(1));
        File.WriteAllText(_store.Folder, "in the way");
        Count(5);
        writer.Begin(Manifests.Of(5), Exchange);
        Assert.NotNull(WaitForNews(writer).Problem);
        Count(7);
        writer.Begin(Manifests.Of(7), Exchange);
        File.Delete(_store.Folder);
        Assert.Equal(7, WaitForNews(writer).Step);
        Assert.Equal(7, Loaded());
        Assert.Single(_store.Paths);
    }

    [Fact]
    public void AtTheEndADiskThatFailsIsNotWaitedFor()
    {
        using var writer = Writer(TimeSpan.FromHours(1));
        Count(3);
        writer.Begin(Manifests.Of(3), Exchange);
        writer.Finish();
        Directory.Move(_store.Folder, _folder.File("away"));
        File.WriteAllText(_store.Folder, "in the way");
        writer.Begin(Manifests.Of(5), Exchange);
        var error = Assert.Throws<TrainingException>(writer.Finish);
        Assert.Contains("make room or mend the folder", error.Message, StringComparison.Ordinal);
        Assert.Throws<TrainingException>(writer.ThrowIfFailed);
        Assert.Equal(3, CheckpointStore.Verify(_folder.File("away/step-00000003")).Step);
    }

    [Fact]
    public void PatienceEnds()
    {
        using var writer = Writer(TimeSpan.FromMinutes(5), new FastTime());
        File.WriteAllText(_store.Folder, "in the way");
        writer.Begin(Manifests.Of(5), Exchange);
        Assert.True(SpinWait.SpinUntil(() => Record.Exception(writer.ThrowIfFailed) is TrainingException, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void TheMemoryOfTheSnapshotBeforeIsUsedAgain()
    {
        using var archive = StateArchive.Saving();
        Exchange(archive);
        var first = archive.Entries["counter.value"];
        Count(4);
        archive.Again();
        Exchange(archive);
        Assert.Same(first, archive.Entries["counter.value"]);
        Assert.Equal(4, first[0].item<float>());
        Assert.Equal(4, archive.Entries["counter.count"].item<long>());
    }

    private static CheckpointNews WaitForNews(CheckpointWriter writer)
    {
        CheckpointNews? news = null;
        Assert.True(SpinWait.SpinUntil(() => (news = writer.News().FirstOrDefault()) is not null, TimeSpan.FromMinutes(1)));
        return news!;
    }

    private CheckpointWriter Writer(TimeSpan patience = default, TimeProvider? time = null) =>
        new(_store, new CheckpointRetention(9, []), patience, time ?? TimeProvider.System);

    private void Exchange(StateArchive archive) => archive.Part("counter", _counter);

    private void Count(long until)
    {
        while (_counter.Count < until)
        {
            _counter.Next();
        }
    }

    private long Loaded()
    {
        using var counter = new Counter(-1);
        var (_, state) = CheckpointStore.Load(_store.Paths[^1]);
        using (state)
        {
            state.Part("counter", counter);
        }

        Assert.Equal(counter.Count, counter.Value[0].item<float>());
        return counter.Count;
    }

    /// <summary>Ten minutes pass whenever somebody looks.</summary>
    private sealed class FastTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Add(ref _ticks, TimeSpan.FromMinutes(10).Ticks);
    }
}
