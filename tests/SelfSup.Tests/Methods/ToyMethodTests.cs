using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Cli;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>Adding a method touches one class: what a recipe, help and a resumed run need follows from it.</summary>
public sealed class ToyMethodTests
{
    private static readonly RecipeReader _reader = new(typeof(ToyMethod).Assembly);

    [Fact]
    public void TheCatalogueOfItsAssemblyHasIt()
    {
        Assert.Contains("toy", _reader.Methods.Names);
        Assert.Contains("simclr", _reader.Methods.Names);
        Assert.DoesNotContain("toy", new RecipeReader().Methods.Names);
    }

    [Fact]
    public void ARecipeSetsItsOptions()
    {
        var options = Assert.IsType<ToyOptions>(Read("name: toy, pull: 0.25, drift: { momentum: 0.5 }").Method!.Options);
        Assert.Equal((0.25, 0.5), (options.Pull, options.Drift.Momentum));
    }

    [Theory]
    [InlineData("name: toi", "method.name: there is no 'toi'; did you mean toy?")]
    [InlineData("name: toy, pul: 1", "method.pul: no such setting; did you mean method.pull?")]
    [InlineData("name: toy, pull: 11", "method.pull: must be from 0 to 10, is 11")]
    [InlineData("name: toy, drift: { momentum: 1 }", "method.drift.momentum: must be from 0 to 1 (not included), is 1")]
    public void AMistakeInItsSectionIsNamed(string method, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Read(method)).Message, StringComparison.Ordinal);

    [Fact]
    public void HelpFollowsFromItsAttributesAndComments()
    {
        var facts = MethodFacts.Of(_reader.Methods, "toy", new StoreScale(Images: 100, Width: 16, Parameters: 1000));
        Assert.Equal(("A toy", "https://example.org/toy", 2, 64L), (facts.Paper, facts.Address, facts.Views, facts.Bytes));
        Assert.Null(facts.ViewsRule);
        Assert.Equal(
            [
                new SettingFacts("pull", "number", "from 0 to 10", "1", "How strongly embeddings leave the mean."),
                new SettingFacts("drift.momentum", "number", "from 0 to 1 (not included)", "0.9", "What the mean keeps at a step."),
            ],
            SettingFacts.Of(new ToyOptions(), _reader.Catalogs));
    }

    [Fact]
    public void AResumedRunTakesTheSameSteps()
    {
        using var whole = new SmallRun("toy", reader: _reader);
        var expected = whole.Run(0, 8);
        using var first = new SmallRun("toy", reader: _reader);
        var losses = first.Run(0, 4);
        using var saved = StateArchive.Saving();
        saved.Part("run", first.Trainer);
        using var second = new SmallRun("toy", reader: _reader);
        var loading = StateArchive.Loading(saved.Entries, "saved"); // the tensors stay those of the archive they were saved to
        loading.Part("run", second.Trainer);
        Assert.Empty(loading.Unclaimed);
        losses.AddRange(second.Run(4, 8));
        Assert.Equal(expected, losses);
        Assert.Equal(whole.State(), second.State());
    }

    private static Recipe Read(string method) => _reader.ReadText(
        $$"""
        data: { path: images }
        views: [ randomResizedCrop: { size: 32 } ]
        encoder: { backbone: resnet20 }
        method: { {{method}} }
        optimizer: { name: sgd }
        schedule: { name: cosine, learningRate: 0.06 }
        """,
        "toy.yaml");
}

/// <summary>Views agree, and embeddings leave a mean that it remembers.</summary>
[Named("toy")]
[Paper("A toy", "https://example.org/toy")]
[Views(2)]
internal sealed class ToyMethod(ToyOptions options, MethodContext context) : Method(context)
{
    private readonly Tensor _mean = zeros(8).DetachFromDisposeScope();

    public override int Views => 2;

    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [.. batch.Views.Select(encoder.Embed)];

    public override Tensor Compare(ViewBatch batch, Embeddings embeddings) =>
        NegativeCosine.Loss(embeddings.Learned[0], embeddings.Learned[1]) + (options.Pull * embeddings.Learned[0].matmul(_mean).mean());

    public override void Commit(ViewBatch batch, Embeddings embeddings) =>
        _mean.lerp_(embeddings.Learned[0].detach().mean([0]), 1 - options.Drift.Momentum);

    public override void Exchange(StateArchive archive)
    {
        base.Exchange(archive);
        archive.Tensor("mean", _mean);
    }

    public override void Dispose()
    {
        base.Dispose();
        _mean.Dispose();
    }
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class ToyOptions : IRemembers
{
    /// <summary>How strongly embeddings leave the mean.</summary>
    [Range(0.0, 10.0)]
    public double Pull { get; set; } = 1;

    /// <summary>How the mean moves.</summary>
    public ToyDrift Drift { get; set; } = new();

    public IEnumerable<StoreSize> Stores(StoreScale scale) => [new("mean", scale.Width * sizeof(float))];
}

/// <summary>The <c>method.drift</c> section.</summary>
internal sealed class ToyDrift
{
    /// <summary>What the mean keeps at a step.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; set; } = 0.9;
}
