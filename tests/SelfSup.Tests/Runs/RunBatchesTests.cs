using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Runs;

public sealed class RunBatchesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecipeReader _reader = new();

    [Fact]
    public void AnEpochIsWhatTheBatchesSay()
    {
        using var shuffled = Open("");
        Assert.Equal(40 / 8, shuffled.StepsPerEpoch);
        Assert.IsType<ShuffledBatches>(shuffled.NewPlan());
        using var classes = Open("sampling: { name: classes, imagesPerClass: 4 }");
        Assert.Equal(5, classes.StepsPerEpoch);
        Assert.IsType<ClassBatches>(classes.NewPlan());
        Assert.Null(classes.NewTuples());
        using var pairs = Open("", Pairs(50));
        Assert.Equal(50 / 4, pairs.StepsPerEpoch);
        Assert.IsType<TupleBatches>(pairs.NewPlan());
        Assert.NotSame(pairs.NewTuples(), pairs.NewTuples());
        Assert.Null(pairs.Values);
    }

    [Fact]
    public void ListsArePartOfWhatTheDataAre()
    {
        using var batches = Open("", $"{Pairs(50)}, {Values()}");
        var files = batches.Files().ToDictionary();
        Assert.Equal(["data.pairs", "data.values"], files.Keys);
        using var other = Open("", $"{Pairs(49)}, {Values()}");
        Assert.Empty(files["data.values"].DifferencesTo(other.Files().ToDictionary()["data.values"]));
        Assert.Contains("pairs.csv had", Assert.Single(files["data.pairs"].DifferencesTo(other.Files().ToDictionary()["data.pairs"])), StringComparison.Ordinal);
        Assert.Equal([40, 1], batches.Values!.shape);
        Assert.Equal(7.5f, batches.Values[5, 0].item<float>());
    }

    [Theory]
    [InlineData("", 48, 1, "training.globalBatchSize: 48 is more than the 40 images of /data; lower it or name more images")]
    [InlineData("sampling: { name: classes, imagesPerClass: 2 }", 8, 1, "sampling.imagesPerClass: is 2, which makes 4 classes in a batch of 8, but the images are of 2")]
    public void BatchesThatCannotBeMadeAreRefused(string section, int batch, int ranks, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Open(section, "limit: 100", batch, ranks)).Message, StringComparison.Ordinal);

    [Fact]
    public void TuplesAreNotDividedAmongRanks()
    {
        using var two = Open("", Pairs(50), 12, 3);
        Assert.Equal(
            "training.globalBatchSize: is 12, of which each of 4 ranks has 3 images, must be divisible by 2, the images of a tuple; take 16",
            Assert.Throws<RecipeException>(() => Open("", Pairs(50), 12, 4)).Message);
    }

    [Fact]
    public void AListAndAMethodThatDoesNotReadItAreRefusedTogether()
    {
        using var run = new SmallRun();
        using var tuples = new SmallRun("tupleLearning");
        using var pairs = Open("", Pairs(50));
        using var none = Open("");
        pairs.Require(tuples.Method);
        none.Require(run.Method);
        Assert.StartsWith("data.pairs: is there, simclr does not learn from listed pairs", Refusal(() => pairs.Require(run.Method)), StringComparison.Ordinal);
        Assert.StartsWith("data.pairs: is not there, simclr learns", Refusal(() => none.Require(tuples.Method)), StringComparison.Ordinal);

        static string Refusal(Action act) => Assert.Throws<RecipeException>(act).Message;
    }

    [Fact]
    public void ASamplingThatReadsMuchMoreThanItUsesIsSaid()
    {
        // Ten blocks, of which two fit into memory.
        var blocks = new MadeUpImages(40, 4) { BlockStarts = [.. Enumerable.Range(0, 10).Select(block => block * 4)], WindowBlocks = 2 };
        using var small = new SubsetSource(blocks, [.. Enumerable.Range(0, 40)], [0, 1]);
        using var classes = RunBatches.Open(Read("sampling: { name: balanced }", "limit: 100", 8), _reader, small, 1);
        Assert.Contains("takes images from all row groups of /data", classes.Warning, StringComparison.Ordinal);
        using var shuffled = RunBatches.Open(Read("", "limit: 100", 8), _reader, small, 1);
        Assert.Null(shuffled.Warning);
        using var whole = Open("sampling: { name: balanced }");
        Assert.Null(whole.Warning);
    }

    public void Dispose() => _folder.Dispose();

    private string Pairs(int count) => "pairs: { path: " + _folder.Write(
        "pairs.csv", $"anchor,positive\n{string.Concat(Enumerable.Range(0, count).Select(i => $"{i % 40},{(i + 2) % 40}\n"))}") + " }";

    private string Values() => "values: { path: " + _folder.Write(
        "values.csv", $"image,value\n{string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{i * 1.5}\n"))}") + " }";

    private RunBatches Open(string section, string data = "limit: 100", int batch = 8, int ranks = 1) =>
        RunBatches.Open(Read(section, data, batch), _reader, new MadeUpImages(40, 4), ranks);

    private Recipe Read(string section, string data, int batch) => _reader.ReadText(
        $$"""
        data: { path: /data, {{data}} }
        {{section}}
        views: [ { centerCrop: { size: 8 } } ]
        encoder: { backbone: resnet18 }
        method: { name: simclr }
        optimizer: { name: sgd }
        schedule: { name: constant, learningRate: 0.1 }
        training: { epochs: 1, globalBatchSize: {{batch}} }
        """,
        "recipe");
}
