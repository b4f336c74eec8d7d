using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CheckpointStore _store;

    public CheckpointStoreTests() => _store = new CheckpointStore(_folder.File("checkpoints"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatWasSavedComesBack()
    {
        Save(3);
        Save(7);
        using var counter = new Counter(1);
        var (manifest, state) = _store.LoadLatest(_ => Assert.Fail("nothing is damaged"))!.Value;
        using (state)
        {
            state.Part("counter", counter);
            Assert.Empty(state.Unclaimed);
        }

        Assert.Equal(7, counter.Count);
        Assert.Equal(7, manifest.Step);
        Assert.Equal(7, counter.Value[1].item<float>());
        Assert.Equal("0.5", manifest.Recipe["method.temperature"]);
        Assert.Equal(0.25, manifest.Evaluations.Single().Values["knn"]);
    }

    [Fact]
    public void TheNewestAndTheBestAreKept()
    {
        foreach (var (step, knn) in new[] { (1, 0.3), (2, 0.9), (3, 0.5), (4, 0.4), (5, 0.6) })
        {
            Save(step, knn, keep: 2);
        }

        Assert.Equal(["step-00000002", "step-00000004", "step-00000005"], Names());
        Assert.Equal(3, Directory.EnumerateFileSystemEntries(_store.Folder).Count());
    }

    [Theory]
    [InlineData("state.safetensors")]
    [InlineData("manifest.json")]
    public void AnyBitThatFlipsIsNoticedAndTheCheckpointBeforeIsUsed(string file)
    {
        Save(3);
        Save(7);
        var path = Path.Combine(_store.Paths[^1], file);
        var whole = File.ReadAllBytes(path);
        for (var position = 0; position < whole.Length; position++)
        {
            byte[] bytes = [.. whole];
            bytes[position] ^= (byte)(1 << (position % 8));
            File.WriteAllBytes(path, bytes);
            var damaged = new List<string>();
            var (manifest, state) = _store.LoadLatest(e => damaged.Add(e.Message))!.Value;
            state.Dispose();
            Assert.True(manifest.Step == 3, $"bit {position % 8} of byte {position} ({(char)whole[position]}) was not noticed");
            Assert.StartsWith(path, Assert.Single(damaged), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("state.safetensors")]
    [InlineData("manifest.json")]
    public void AFileThatIsCutOffOrMissingIsNoticed(string file)
    {
        Save(3);
        Save(7);
        var path = Path.Combine(_store.Paths[^1], file);
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<CheckpointException>(() => CheckpointStore.Load(_store.Paths[^1]));
        }

        File.Delete(path);
        Assert.Throws<CheckpointException>(() => CheckpointStore.Load(_store.Paths[^1]));
        Assert.Throws<CheckpointException>(() => CheckpointStore.Verify(_store.Paths[^1]));
        File.WriteAllBytes(path, whole);
        Assert.Equal(7, CheckpointStore.Verify(_store.Paths[^1]).Step);
    }

    [Fact]
    public void ADamagedOneGoesOnlyWhenANewerOneIsWhole()
    {
        Save(3);
        Save(7);
        File.WriteAllBytes(Path.Combine(_store.Paths[^1], "state.safetensors"), []);
        _store.LoadLatest(_ => { })!.Value.State.Dispose();
        Assert.Equal(2, _store.Paths.Count);
        Save(7); // a resumed run comes to the same step again
        Assert.Equal(["step-00000003", "step-00000007.2"], Names());
        Assert.Equal(7, CheckpointStore.Verify(_store.Paths[^1]).Step);
    }

    [Fact]
    public void TheSameStepAgainHasAFolderOfItsOwnAndTheFormerGoesAfterwards()
    {
        Save(3);
        Save(7, knn: 0.1);
        Save(7, knn: 0.2);
        Assert.Equal(["step-00000003", "step-00000007.2"], Names());
        Save(7, knn: 0.3);
        Assert.Equal(["step-00000003", "step-00000007.3"], Names());
        Assert.Equal(0.3, CheckpointManifest.Read(_store.Paths[^1]).Evaluations.Single().Values["knn"]);
    }

    [Fact]
    public void ThoseOfRoundStepsAreKeptForGood()
    {
        for (var step = 1; step <= 12; step++)
        {
            Save(step, keep: 1, every: [4, 5]);
        }

        Assert.Equal(["step-00000001", "step-00000004", "step-00000005", "step-00000008", "step-00000010", "step-00000012"], Names());
    }

    [Fact]
    public void TheBestByLossHasTheLowest()
    {
        foreach (var (step, loss) in new[] { (1, 0.5), (2, 0.1), (3, 0.7), (4, 0.6) })
        {
            Save(step, keep: 1, bestBy: "loss", loss: loss);
        }

        Assert.Equal(["step-00000002", "step-00000004"], Names());
    }

    [Fact]
    public void WhereNothingWasMeasuredTheNewestIsKept()
    {
        Save(1, keep: 1, bestBy: "linearProbe");
        Save(2, keep: 1, bestBy: "linearProbe");
        Assert.Equal(["step-00000002"], Names());
    }

    [Fact]
    public void ACheckpointUnderAnotherStepsNameIsDamaged()
    {
        Save(3);
        Directory.Move(_store.Paths[0], Path.Combine(_store.Folder, "step-00000009"));
        Assert.Contains("its manifest is that of step 3", Assert.Throws<CheckpointException>(() => CheckpointStore.Load(_store.Paths[0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATruncatedStateIsDamaged()
    {
        Save(3);
        using (var file = File.OpenWrite(Path.Combine(_store.Paths[0], "state.safetensors")))
        {
            file.SetLength(file.Length - 1);
        }

        var error = Assert.Throws<CheckpointException>(() => _store.LoadLatest(_ => { }));
        Assert.Contains("bytes, its manifest says", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AHalfWrittenCheckpointIsNone()
    {
        Save(3);
        Directory.Move(_store.Paths[0], _store.Paths[0] + ".tmp");
        Assert.Null(_store.LoadLatest(_ => Assert.Fail("a half-written one is not damaged, it never was")));
        Assert.Equal([Path.Combine(_store.Folder, "step-00000003.tmp")], _store.Unfinished);
    }

    [Fact]
    public void ANewerLayoutSaysWhatToUse()
    {
        Save(3);
        var path = Path.Combine(_store.Paths[0], "manifest.json");
        File.WriteAllBytes(path, (CheckpointManifest.Read(_store.Paths[0]) with { Schema = 9 }).ToBytes());
        var error = Assert.Throws<CheckpointException>(() => CheckpointManifest.Read(_store.Paths[0]));
        Assert.Contains("written by a newer version (layout 9", error.Message, StringComparison.Ordinal);

        // It is not passed over as if it were damaged.
        Save(1);
        Assert.Contains("layout 9", Assert.Throws<CheckpointException>(() => _store.LoadLatest(_ => { })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StateOfAnotherShapeIsRefusedByName()
    {
        using var scope = NewDisposeScope();
        using var counter = new Counter(0);
        using var archive = StateArchive.Loading(
            new Dictionary<string, Tensor> { ["counter.value"] = zeros(2).DetachFromDisposeScope() }, "a/state.safetensors");
        var error = Assert.Throws<CheckpointException>(() => archive.Part("counter", counter));
        Assert.StartsWith(
            "a/state.safetensors: 'counter.value' is Float32 [2], the run needs Float32 [3]", error.Message, StringComparison.Ordinal);
        using var none = StateArchive.Loading(new Dictionary<string, Tensor>(), "b");
        Assert.StartsWith(
            "b: there is no 'counter.value'", Assert.Throws<CheckpointException>(() => none.Part("counter", counter)).Message, StringComparison.Ordinal);
    }

    private IEnumerable<string> Names() => _store.Paths.Select(path => Path.GetFileName(path)!);

    private void Save(
        long step, double knn = 0.25, int keep = 9, long[]? every = null, string? bestBy = "knn", double? loss = null)
    {
        using var counter = new Counter(step);
        using var state = StateArchive.Saving();
        state.Part("counter", counter);
        _store.Write(Manifests.Of(step, knn, loss), state);
        _store.Prune(new CheckpointRetention(keep, every ?? [], bestBy));
    }
}
