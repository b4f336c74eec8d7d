using System.Diagnostics;

using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Checkpoints;

/// <summary>
/// Checkpoints of which every rank has a part: written by each rank's own writer, whole or not there, and read by any number of
/// ranks. The ranks are threads or come one after the other; they share a folder and nothing else.
/// </summary>
public sealed class ShardedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Folder => _folder.File("checkpoints");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4, 4)]
    [InlineData(4, 3)]
    [InlineData(4, 2)]
    [InlineData(4, 1)]
    [InlineData(3, 4)]
    [InlineData(2, 3)]
    [InlineData(1, 4)]
    [InlineData(1, 1)]
    public void AnyNumberOfRanksReadsWhatAnyOtherHasWritten(int wrote, int reads)
    {
        Save(wrote, 5);
        var path = Assert.Single(Store(0, 1).Paths);
        Assert.Equal(wrote == 1 ? 2 : 2 + wrote, Directory.EnumerateFiles(path).Count());
        for (var rank = 0; rank < reads; rank++)
        {
            Assert.Equal(5, Loaded(rank, reads));
        }
    }

    [Fact]
    public void TheManifestNamesEveryFileAndItsRows()
    {
        Save(3, 5);
        var manifest = CheckpointStore.Verify(Assert.Single(Store(0, 1).Paths));
        Assert.Equal((3, 3), (manifest.Schema, manifest.Ranks));
        Assert.Equal(
            ["state.safetensors", "shard-0-of-3.safetensors", "shard-1-of-3.safetensors", "shard-2-of-3.safetensors"],
            manifest.Files.Select(file => file.Name));
        Assert.Null(manifest.Files[0].Shards);
        Assert.Equal([new("bank.renewed", 3, 3, 10), new("bank.slots", 3, 3, 10)], manifest.Files[2].Shards!);
    }

    [Fact]
    public void WithoutPartsRankZeroWritesAloneAndOlderVersionsCanReadIt()
    {
        using var counter = new Counter(5);
        foreach (var rank in new[] { 1, 0 }) // whoever comes first waits for nobody
        {
            using var writer = Writer(Store(rank, 2));
            writer.Begin(Manifests.Of(5), archive => archive.Part("counter", counter));
            writer.Finish();
        }

        var manifest = CheckpointStore.Verify(Assert.Single(Store(0, 1).Paths));
        Assert.Equal((2, 2), (manifest.Schema, manifest.Ranks));
        Assert.Equal("state.safetensors", Assert.Single(manifest.Files).Name);
    }

    [Fact]
    public void OneRankWritesWhatItWroteBeforeThereWereRanks()
    {
        Save(1, 5);
        var text = File.ReadAllText(Path.Combine(Assert.Single(Store(0, 1).Paths), "manifest.json"));
        Assert.Contains("\"schema\": 2,", text, StringComparison.Ordinal);
        Assert.DoesNotContain("ranks", text, StringComparison.Ordinal);
        Assert.DoesNotContain("shards", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("state.safetensors")]
    [InlineData("shard-0-of-3.safetensors")]
    [InlineData("shard-2-of-3.safetensors")]
    public void AnyBitThatFlipsInAnyFileIsNoticedByAllRanks(string file)
    {
        Save(3, 3);
        Save(3, 7, save: 2);
        var path = Path.Combine(Store(0, 1).Paths[^1], file);
        var whole = File.ReadAllBytes(path);
        for (var position = 0; position < whole.Length; position += 5)
        {
            byte[] bytes = [.. whole];
            bytes[position] ^= (byte)(1 << (position % 8));
            File.WriteAllBytes(path, bytes);
            Assert.Equal([3, 3], Found(2));
            Assert.Throws<CheckpointException>(() => CheckpointStore.Load(Store(0, 1).Paths[^1]));
            Assert.Throws<CheckpointException>(() => CheckpointStore.Verify(Store(0, 1).Paths[^1]));
        }

        File.WriteAllBytes(path, whole);
        Assert.Equal([7, 7], Found(2));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void APartThatIsCutOffOrMissingIsNoticedByAllRanks(int rank)
    {
        Save(3, 3);
        Save(3, 7, save: 2);
        var path = Path.Combine(Store(0, 1).Paths[^1], CheckpointRanks.FileOf(rank, 3));
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Equal([3, 3, 3], Found(3));
        File.Delete(path);
        Assert.Equal([3, 3, 3], Found(3));
        Assert.Equal([3], Found(1));
    }

    [Fact]
    public void ADamagedPartGoesOnlyWhenANewerCheckpointIsWhole()
    {
        Save(2, 3);
        Save(2, 7, save: 2);
        File.Delete(Path.Combine(Store(0, 1).Paths[^1], CheckpointRanks.FileOf(1, 2))); // rank 1 alone sees it
        ThreadRanks.Run(2, ranks =>
        {
            var store = Agreeing(ranks);
            var (manifest, state) = store.LoadLatest(_ => { })!.Value;
            state.Dispose();
            Assert.Equal(3, manifest.Step);
            Assert.Equal(2, store.Paths.Count);
            ranks.Barrier();
            using var rows = new Rows(ranks.Rank, 2, 7);
            using var writer = Writer(store);
            writer.Begin(Manifests.Of(7), rows.Exchange);
            writer.Finish();
            ranks.Barrier();
        });
        Assert.Equal(["step-00000003", "step-00000007.2"], Store(0, 1).Paths.Select(Path.GetFileName));
    }

    [Fact]
    public void AllRanksOfAStartHaveOneNameForIt()
    {
        var sessions = new string[3];
        var again = new string[3];
        ThreadRanks.Run(3, ranks => sessions[ranks.Rank] = CheckpointGroup.Of(ranks, CPU).Session);
        ThreadRanks.Run(3, ranks => again[ranks.Rank] = CheckpointGroup.Of(ranks, CPU).Session);
        Assert.NotEqual(Assert.Single(sessions.Distinct()), Assert.Single(again.Distinct()));
        Assert.Matches("^[0-9a-f]{16}$", sessions[0]);
        Assert.Same(CheckpointRanks.Single, CheckpointGroup.Of(Communicator.Single, CPU));
    }

    [Fact]
    public void RowsThatNoFileHasAreNoticed()
    {
        Save(2, 7);
        var path = Assert.Single(Store(0, 1).Paths);
        var manifest = CheckpointManifest.Read(path);
        CheckpointFile[] files = [.. manifest.Files];
        files[2] = files[2] with { Shards = [.. files[2].Shards!.Select(rows => rows with { FirstRow = rows.FirstRow + 1 })] };
        File.WriteAllBytes(Path.Combine(path, "manifest.json"), (manifest with { Files = files }).ToBytes());
        var error = Assert.Throws<CheckpointException>(() => CheckpointStore.Load(path));
        Assert.Contains("goes on at row 6 of 10, where row 5 of 10 must follow", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PartsOfAnotherShapeAreRefusedByName()
    {
        Save(2, 7);
        var (_, state) = CheckpointStore.Load(Assert.Single(Store(0, 1).Paths));
        using (state)
        using (NewDisposeScope())
        {
            void Refused(string message, Action action) => Assert.Contains(message, Assert.Throws<CheckpointException>(action).Message, StringComparison.Ordinal);
            Refused("'bank.slots' is Float32 [10, 3], the run needs Float32 [12, 3]", () => state.Shard("bank.slots", zeros(3, 3), 0, 12));
            Refused("'bank.slots' is Float32 [10, 3], the run needs Float32 [10, 4]", () => state.Tensor("bank.slots", zeros(10, 4)));
            Refused("'bank.slots' is Float32 [10, 3], the run needs BFloat16 [10, 3]", () => state.Shard("bank.slots", zeros([2, 3], bfloat16), 7, 10));
            Assert.Equal(["bank.renewed", "counter.count", "counter.value"], state.Unclaimed);
        }
    }

    [Fact]
    public void ARankThatNeverWritesIsNamedWithinTheLimitAndTheCheckpointBeforeIsWhole()
    {
        Save(3, 3);
        using var rows = new Rows(0, 3, 7);
        using var other = new Rows(2, 3, 7);
        using var writer = Writer(Store(0, 3, limit: TimeSpan.FromSeconds(1)));
        using var writerOfTwo = Writer(Store(2, 3));
        writerOfTwo.Begin(Manifests.Of(7), other.Exchange);
        writerOfTwo.Finish();
        var started = Stopwatch.GetTimestamp();
        writer.Begin(Manifests.Of(7), rows.Exchange);
        var error = Assert.Throws<TrainingException>(writer.Finish);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.9, 20);
        Assert.Contains("rank 1 has written nothing for 1 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("last good checkpoint: step-00000003", error.Message, StringComparison.Ordinal);
        Assert.Equal([3, 3], Found(2));
    }

    [Fact]
    public void ARankThatIsGoneEndsTheWait()
    {
        using var rows = new Rows(0, 2, 7);
        using var writer = Writer(new CheckpointStore(Folder, new CheckpointRanks(0, 2, "a")
        {
            LookAtRanks = () => throw new CommunicationException("rank 1 is gone"),
        }));
        writer.Begin(Manifests.Of(7), rows.Exchange);
        Assert.Equal("rank 1 is gone", Assert.Throws<CommunicationException>(writer.Finish).Message);
        Assert.Empty(Store(0, 1).Paths);
    }

    [Fact]
    public void WhoLeavesHardlyWaits()
    {
        using var rows = new Rows(0, 2, 7);
        var writer = Writer(Store(0, 2));
        var started = Stopwatch.GetTimestamp();
        writer.Begin(Manifests.Of(7), rows.Exchange);
        writer.Dispose();
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 30);
        Assert.Empty(Store(0, 1).Paths);
    }

    [Fact]
    public void APartThatCannotBeWrittenIsTriedAgainOnAllRanks()
    {
        var blocked = Path.Combine(Folder, "step-00000007.a-1.tmp");
        Directory.CreateDirectory(Path.Combine(blocked, CheckpointRanks.FileOf(1, 2))); // a folder in the place of the file
        ThreadRanks.Run(2, ranks =>
        {
            using var rows = new Rows(ranks.Rank, 2, 7);
            using var writer = Writer(Store(ranks.Rank, 2), TimeSpan.FromHours(1));
            writer.Begin(Manifests.Of(7), rows.Exchange);
            var problem = WaitForNews(writer);
            Assert.Null(problem.Path);
            Assert.Contains(ranks.Rank == 0 ? "rank 1 cannot write its part" : "denied", problem.Problem, StringComparison.Ordinal);
            ranks.Barrier();
            if (ranks.Rank == 0)
            {
                Directory.Delete(Path.Combine(blocked, CheckpointRanks.FileOf(1, 2)));
            }

            Assert.NotNull(WaitForNews(writer).Path);
        });
        Assert.Equal([7, 7, 7], Found(3));
        Assert.Empty(Store(0, 1).Unfinished);
        Assert.Equal(4, Directory.EnumerateFiles(Assert.Single(Store(0, 1).Paths)).Count());
    }

    [Fact]
    public void WhatRankZeroCannotWriteIsTriedAgainWithThePartsThatAreThere()
    {
        using var other = new Rows(1, 2, 7);
        using (var writerOfOne = Writer(Store(1, 2)))
        {
            writerOfOne.Begin(Manifests.Of(7), other.Exchange);
            writerOfOne.Finish();
        }

        var blocked = Path.Combine(Folder, "step-00000007.a-1.tmp", "manifest.json.tmp");
        Directory.CreateDirectory(blocked);
        using var rows = new Rows(0, 2, 7);
        using var writer = Writer(Store(0, 2), TimeSpan.FromHours(1));
        writer.Begin(Manifests.Of(7), rows.Exchange);
        Assert.Null(WaitForNews(writer).Path);
        Directory.Delete(blocked);
        Assert.NotNull(WaitForNews(writer).Path);
        Assert.Equal([7, 7], Found(2));
    }

    [Fact]
    public void ManyCheckpointsAreWrittenBesideEachOthersParts()
    {
        ThreadRanks.Run(3, ranks =>
        {
            using var writer = Writer(Store(ranks.Rank, 3));
            for (var step = 1; step <= 20; step++)
            {
                using var rows = new Rows(ranks.Rank, 3, step);
                writer.Begin(Manifests.Of(step), rows.Exchange);
                writer.Settle();
            }

            writer.Finish();
            Assert.Equal(Enumerable.Range(1, 20).Select(step => (long)step), writer.News().Where(news => news.Path is not null).Select(news => news.Step));
        });
        Assert.Equal(9, Store(0, 1).Paths.Count);
        Assert.Empty(Store(0, 1).Unfinished);
        Assert.Equal([20, 20], Found(2));
    }

    [Fact]
    public void WhatDeadStartsHaveLeftGoesAndWhatOthersAreWritingStays()
    {
        string[] left = ["step-00000007.b-1.tmp", "step-00000007.a-1.tmp", "step-00000009.a-3.tmp", "step-00000006.tmp"];
        foreach (var name in left)
        {
            _folder.Write(Path.Combine("checkpoints", name, "shard-1-of-2.safetensors"));
        }

        Assert.Equal(4, Store(0, 1).Unfinished.Count);
        Assert.Null(Store(0, 1).LoadLatest(_ => Assert.Fail("a half-written one is not damaged, it never was")));
        Save(2, 8, save: 2);
        Assert.Equal(["step-00000008", "step-00000009.a-3.tmp"], Directory.EnumerateDirectories(Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ARankThatSeesFewerCheckpointsDecides()
    {
        Save(2, 3);
        Save(2, 7, save: 2);
        var other = _folder.File("elsewhere");
        Directory.CreateDirectory(other);
        CopyFolder(Path.Combine(Folder, "step-00000003"), Path.Combine(other, "step-00000003"));
        var found = new long[2];
        ThreadRanks.Run(2, ranks =>
        {
            var store = Agreeing(ranks, ranks.Rank == 0 ? Folder : other);
            var (manifest, state) = store.LoadLatest(_ => Assert.Fail("nothing is damaged"))!.Value;
            state.Dispose();
            found[ranks.Rank] = manifest.Step;
        });
        Assert.Equal([3, 3], found);
    }

    /// <summary>A checkpoint by as many ranks, one after the other, rank 0 last.</summary>
    private void Save(int ranks, long step, int save = 1)
    {
        for (var rank = ranks - 1; rank >= 0; rank--)
        {
            using var rows = new Rows(rank, ranks, step);
            using var state = StateArchive.Saving(onlyShards: rank > 0);
            rows.Exchange(state);
            Assert.Equal(rank > 0 ? 0 : ranks == 1 ? 4 : 2, state.Entries.Count);
            var store = Store(rank, ranks);
            store.Write(Manifests.Of(step), state, store.NewStage(step, save, TimeProvider.System));
            store.Prune(new CheckpointRetention(9, []));
        }
    }

    private CheckpointStore Store(int rank, int ranks, TimeSpan? limit = null) =>
        new(Folder, new CheckpointRanks(rank, ranks, "a") { Limit = limit ?? TimeSpan.FromMinutes(1) });

    private static CheckpointWriter Writer(CheckpointStore store, TimeSpan patience = default) =>
        new(store, new CheckpointRetention(9, []), patience, TimeProvider.System);

    private CheckpointStore Agreeing(Communicator ranks, string? folder = null) => new(folder ?? Folder, CheckpointGroup.Of(ranks, CPU));

    /// <summary>The count that each of so many ranks finds in the newest checkpoint, all at the same time.</summary>
    private long[] Found(int count)
    {
        var found = new long[count];
        ThreadRanks.Run(count, ranks => found[ranks.Rank] = Loaded(ranks.Rank, count, Agreeing(ranks)));
        return found;
    }

    private long Loaded(int rank, int ranks, CheckpointStore? store = null)
    {
        using var rows = new Rows(rank, ranks, 0);
        var (manifest, state) = (store ?? Store(rank, ranks)).LoadLatest(_ => { })!.Value;
        using (state)
        {
            rows.Exchange(state);
            Assert.Empty(state.Unclaimed);
        }

        Assert.True(rows.Tells(manifest.Step));
        return manifest.Step;
    }

    private static CheckpointNews WaitForNews(CheckpointWriter writer)
    {
        CheckpointNews? news = null;
        Assert.True(SpinWait.SpinUntil(() => (news = writer.News().FirstOrDefault()) is not null, TimeSpan.FromMinutes(1)));
        return news!;
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }
}
