using System.Reflection;

using SelfSup.Checkpoints;
using SelfSup.Methods;
using SelfSup.Recipes;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>
/// What every method promises, run for each entry of the catalogue: a new method has these tests before its author writes
/// one. That slices of a batch have the whole batch's gradient is <see cref="Training.EmbeddingCacheTests"/>.
/// </summary>
public sealed class MethodConformanceTests
{
    private static readonly RecipeReader _reader = new();

    public static TheoryData<string> Names => [.. _reader.Methods.Names];

    public static TheoryData<string, string> NamesAndModes => [.. _reader.Methods.Names.SelectMany(
        name => new[] { "float32", "bfloat16, slices", "bfloat16, replicas" }.Select(mode => (name, mode)))];

    [Theory]
    [MemberData(nameof(Names))]
    public void DefaultsAreValid(string name) =>
        RecipeBinder.Require(Activator.CreateInstance(_reader.Methods.OptionsType(name))!, name);

    [Theory]
    [MemberData(nameof(Names))]
    public void ARecipeNamesIt(string name)
    {
        var recipes = Directory.EnumerateFiles(Path.Combine(Fixture.RepositoryRoot, "recipes"), "*.yaml")
            .Where(path => _reader.Read(path, new Dictionary<string, string>(), []).Method!.Name == name);
        Assert.NotEmpty(recipes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ItSaysWhereItComesFrom(string name)
    {
        using var run = new SmallRun(name);
        var paper = Assert.Single(run.Method.GetType().GetCustomAttributes(typeof(PaperAttribute), false));
        Assert.StartsWith("https://", ((PaperAttribute)paper).Address, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ItsClassSaysHowManyViewsItCompares(string name)
    {
        var says = _reader.Methods.TypeOf(name).GetCustomAttribute<ViewsAttribute>();
        Assert.NotNull(says);
        var options = Activator.CreateInstance(_reader.Methods.OptionsType(name))!;
        AssertViews(name, says, options);
        if (says.More is { } setting)
        {
            var property = options.GetType().GetProperty(setting)!;
            property.SetValue(options, 1 + (int)property.GetValue(options)!);
            AssertViews(name, says, options);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EmbedAndCompareChangeNothingButBatchNormStatistics(string name)
    {
        using var run = new SmallRun(name);
        run.Run(0, 2);
        var before = run.State();
        using (NewDisposeScope())
        using (var batch = run.Loader.From(2, 3, CancellationToken.None).First())
        {
            IReadOnlyList<Tensor> targets;
            using (no_grad())
            {
                targets = run.Method.Target(batch);
            }

            var embeddings = new Embeddings(run.Method.Embed(run.Method.Encoder, batch), targets);
            Assert.All(embeddings.Learned.Concat(targets), e => Assert.Equal(batch.Samples.shape[0], e.shape[0]));
            Assert.All(targets, t => Assert.False(t.requires_grad));
            Assert.True(double.IsFinite(run.Method.Compare(batch, embeddings).to(float64).item<double>()));
            var (first, second) = run.Method.Positives(batch, embeddings);
            Assert.Equal(first.shape, second.shape);
        }

        var after = run.State();
        var changed = before.Keys.Where(k => before[k] != after[k]).ToArray();
        Assert.NotEmpty(changed);
        Assert.All(changed, k => Assert.Matches("running_mean|running_var|num_batches_tracked", k));
    }

    [Theory]
    [MemberData(nameof(NamesAndModes))]
    public void AResumedRunTakesTheSameSteps(string name, string mode)
    {
        using var whole = SmallRun.Of(mode, name);
        var expected = whole.Run(0, 12);
        Assert.All(expected, loss => Assert.True(double.IsFinite(loss)));

        using var first = SmallRun.Of(mode, name);
        var losses = first.Run(0, 5);
        using var saved = StateArchive.Saving();
        saved.Part("run", first.Trainer);
        using var second = SmallRun.Of(mode, name);
        var loading = StateArchive.Loading(saved.Entries, "saved"); // the tensors stay those of the archive they were saved to
        loading.Part("run", second.Trainer);
        Assert.Empty(loading.Unclaimed);
        losses.AddRange(second.Run(5, 12));

        Assert.Equal(expected, losses);
        var (a, b) = (whole.State(), second.State());
        Assert.Equal(a, b); // stores, predictors, centres, prototypes and queues too
    }

    [Theory]
    [MemberData(nameof(NamesAndModes))]
    public void NoTensorOutlivesItsStep(string name, string mode)
    {
        using var run = SmallRun.Of(mode, name);
        run.Run(0, 4);
        var before = Tensor.TotalCount;
        run.Run(4, 16);
        Assert.InRange(Tensor.TotalCount, 0, before); // fewer, where the collector has found older ones
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatItKeepsIsAsLargeAsItSays(string name)
    {
        using var run = new SmallRun(name);
        using var all = StateArchive.Saving();
        run.Method.Exchange(all);
        long Bytes(Func<string, bool> which) => all.Entries.Where(e => which(e.Key)).Sum(e => e.Value.numel() * e.Value.ElementSize);
        var kept = Bytes(key => !key.StartsWith("encoder.", StringComparison.Ordinal) || key.Contains("prototypes", StringComparison.Ordinal));
        var options = Activator.CreateInstance(_reader.Methods.OptionsType(name))!;
        var encoder = run.Method.Encoder;
        var scale = new StoreScale(64, encoder.Widths.Embedding, encoder.SharedLength);
        var said = (options as IRemembers)?.Stores(scale).Sum(store => store.Bytes) ?? 0;
        // Statistics of normalisations and counters are left out of what is said.
        Assert.InRange(kept - said, 0, 16384 + (said / 50));
    }

    private static void AssertViews(string name, ViewsAttribute says, object options)
    {
        using var run = new SmallRun(name, settings: options);
        Assert.Equal(run.Method.Views, says.Of(options));
    }
}
