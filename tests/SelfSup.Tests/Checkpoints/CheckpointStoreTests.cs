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
        using var counter = new Counter();
        var (manifest, state) = _store.LoadLatest(_ => Assert.Fail("nothing is damaged"))!.Value;
        using (state)
        {
            state.Part("counter", counter);
            Assert.Empty(state.Unclaimed);
        }

        Assert.Equal(7, manifest.Step);
        Assert.Equal(7, counter.Value.item<float>());
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

        Assert.Equal(["step-00000002", "step-00000004", "step-00000005"], _store.Paths.Select(p => Path.GetFileName(p)!));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_store.Folder), e => e.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("state.safetensors", 8)]
    [InlineData("state.safetensors", -1)]
    [InlineData("manifest.json", 0)]
    [InlineData("manifest.json", 100)]
    public void ADamagedCheckpointIsNamedAndTheOneBeforeIsUsed(string file, int position)
    {
        Save(3);
        Save(7);
        var path = Path.Combine(_store.Paths[^1], file);
        var bytes = File.ReadAllBytes(path);
        bytes[position < 0 ? bytes.Length + position : position] ^= 0x55;
        File.WriteAllBytes(path, bytes);

        var damaged = new List<string>();
        var (manifest, state) = _store.LoadLatest(e => damaged.Add(e.Message))!.Value;
        state.Dispose();
        Assert.Equal(3, manifest.Step);
        Assert.StartsWith(path, Assert.Single(damaged), StringComparison.Ordinal);
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
    }

    [Fact]
    public void ANewerLayoutSaysWhatToUse()
    {
        Save(3);
        var path = Path.Combine(_store.Paths[0], "manifest.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"schema\": 1", "\"schema\": 9", StringComparison.Ordinal));
        var error = Assert.Throws<CheckpointException>(() => CheckpointStore.ReadManifest(_store.Paths[0]));
        Assert.Contains("written by a newer version (layout 9", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StateOfAnotherShapeIsRefusedByName()
    {
        using var scope = NewDisposeScope();
        using var counter = new Counter();
        using var archive = StateArchive.Loading(
            new Dictionary<string, Tensor> { ["counter.value"] = zeros(2).DetachFromDisposeScope() }, "a/state.safetensors");
        var error = Assert.Throws<CheckpointException>(() => archive.Part("counter", counter));
        Assert.StartsWith(
            "a/state.safetensors: 'counter.value' is Float32 [2], the run needs Float32 []", error.Message, StringComparison.Ordinal);
        using var none = StateArchive.Loading(new Dictionary<string, Tensor>(), "b");
        Assert.StartsWith(
            "b: there is no 'counter.value'", Assert.Throws<CheckpointException>(() => none.Part("counter", counter)).Message, StringComparison.Ordinal);
    }

    private void Save(long step, double knn = 0.25, int keep = 9)
    {
        using var counter = new Counter();
        counter.Value.fill_(step);
        using var state = StateArchive.Saving();
        state.Part("counter", counter);
        _store.Save(Manifest(step, knn), state, keep, "knn");
    }

    private static CheckpointManifest Manifest(long step, double knn) => new()
    {
        Step = step,
        Epoch = step / 10.0,
        Written = DateTimeOffset.UnixEpoch,
        RecipeHash = "hash",
        Recipe = new Dictionary<string, string> { ["method.temperature"] = "0.5" },
        TrainingSeconds = 1,
        Seconds = 2,
        Evaluations = [new EvaluationRecord(step, new Dictionary<string, double> { ["knn"] = knn })],
        Threads = 1,
        Versions = new Dictionary<string, string>(),
        Host = "here",
    };

    private sealed class Counter : IStateful, IDisposable
    {
        public Tensor Value { get; } = zeros([]).DetachFromDisposeScope();

        public void Exchange(StateArchive archive) => archive.Tensor("value", Value);

        public void Dispose() => Value.Dispose();
    }
}
