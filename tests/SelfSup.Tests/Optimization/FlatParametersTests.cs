using SelfSup.Checkpoints;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Optimization;

public sealed class FlatParametersTests
{
    private static readonly EncoderOptions _options = new() { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };

    [Fact]
    public void ACheckpointDoesNotKnowTheLayout()
    {
        using var scope = NewDisposeScope();
        var planes = new Compute(CPU, Precision.Float32, ChannelsLast: false);
        using var from = Encoder.Create(_options, 1, planes);
        using var to = Encoder.Create(_options, 2, Computing.Cpu);
        var (fromOptimizer, toOptimizer) = (new Sgd(new SgdOptions(), from.Parameters), new Sgd(new SgdOptions(), to.Parameters));
        using (no_grad())
        {
            from.Parameters.Gradients.copy_(Numbers.Normal(from.Parameters.Gradients.numel()));
        }

        fromOptimizer.Step(0.1);
        using var saved = Saved(from, fromOptimizer);
        Assert.Contains("optimizer.velocity.backbone.layer1.0.conv1.weight", saved.Entries.Keys);
        using (var loading = StateArchive.Loading(saved.Entries.ToDictionary(e => e.Key, e => e.Value.clone().DetachFromDisposeScope()), "saved"))
        {
            loading.Part("encoder", to);
            loading.Part("optimizer", toOptimizer);
            Assert.Empty(loading.Unclaimed);
        }

        using var again = Saved(to, toOptimizer);
        Assert.All(saved.Entries, entry => Assert.True(entry.Value.equal(again.Entries[entry.Key]).all().item<bool>(), entry.Key));
        Assert.False(from.Parameters.Values.equal(to.Parameters.Values).all().item<bool>()); // in memory they differ
    }

    [Fact]
    public void BackwardAddsIntoTheFlatGradient()
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Create(_options, 1, Computing.Cpu);
        var images = Numbers.Normal(4, 3, 8, 8).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        encoder.Embed(images).pow(3).sum().backward();
        var once = encoder.Parameters.Gradients.norm().ToDouble();
        encoder.eval();
        encoder.train();
        encoder.Embed(images).pow(3).sum().backward();
        Assert.Equal(2, encoder.Parameters.Gradients.norm().ToDouble() / once, 1e-3);
        Assert.All(
            encoder.named_parameters().Where(p => p.parameter.dim() == 4 && p.parameter.shape[2] == 3 && p.parameter.shape[1] > 1),
            p => Assert.Equal([1, p.parameter.shape[1]], [p.parameter.grad!.stride(1), p.parameter.grad.stride(3)]));
    }

    private static StateArchive Saved(Encoder encoder, Sgd optimizer)
    {
        var archive = StateArchive.Saving();
        archive.Part("encoder", encoder);
        archive.Part("optimizer", optimizer);
        return archive;
    }
}
