using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Runs;

public sealed class TrainedBackboneTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TrainedBackboneTests() => _folder.Write(
        "recipe.yaml",
        """
        data: { path: /data }
        views: [ { centerCrop: { size: 8 } } ]
        encoder: { backbone: resnet18 }
        method: { name: metricLearning, loss: { name: triplet } }
        optimizer: { name: sgd }
        schedule: { name: constant, learningRate: 0.1 }
        """);

    [Theory]
    [InlineData(null)]
    [InlineData("embeddings")]
    public void AFinishedRunWhoseCheckpointsAreGoneHasNoEmbeddings(string? of)
    {
        _folder.Write("backbone.safetensors");
        Assert.Equal(
            $"{_folder.Path}: has no checkpoint, which has the head, as backbone.safetensors is without it; use the backbone (--of features, --part "
            + "backbone), or put a checkpoint back",
            Refusal(of is null ? null : Representation.Embeddings));
    }

    [Fact]
    public void ARunThatHasJustBegunIsToBeWaitedFor() =>
        Assert.Equal($"{_folder.Path}: has no checkpoint yet; wait for the first one", Refusal(Representation.Embeddings));

    public void Dispose() => _folder.Dispose();

    private string Refusal(Representation? of) =>
        Assert.Throws<CheckpointException>(() => TrainedBackbone.Load(_folder.Path, new RecipeReader(), CPU, of)).Message;
}
