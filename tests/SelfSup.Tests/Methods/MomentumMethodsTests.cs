using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>What predictors, targets and prototypes promise beside their losses.</summary>
public sealed class MomentumMethodsTests
{
    [Fact]
    public void AByolTargetHasNoPredictorAndStandsStillAtTheEnd()
    {
        using var scope = NewDisposeScope();
        using var method = new Byol(new ByolOptions { Momentum = 0.5 }, Context());
        var target = method.Encoders.Last().Parameters;
        Assert.DoesNotContain(target.Segments, s => s.Name.StartsWith("predictor", StringComparison.Ordinal));
        Assert.Contains(method.Encoder.Parameters.Segments, s => s.Name.StartsWith("predictor", StringComparison.Ordinal));
        var before = target.Values.clone();
        using (no_grad())
        {
            method.Encoder.Parameters.Values.add_(1);
        }

        method.Commit(Batch(step: 0), new Embeddings([], []));
        Assert.True(target.Values.allclose(before + 0.5)); // backbone and head, matrices and biases
        before = target.Values.clone();
        method.Commit(Batch(step: 1000), new Embeddings([], [])); // the momentum has risen to 1
        Assert.True(target.Values.equal(before).all().item<bool>());
    }

    [Theory]
    [InlineData("swav")]
    [InlineData("dino")]
    public void PrototypesAreHeldForAnEpochWhateverTheOptimizerDoes(string name)
    {
        using var run = new SmallRun(name); // momentum and weight decay
        using var scope = NewDisposeScope();
        var prototypes = run.Method.Encoder.Parameters.Of(run.Method.Encoder.Parameters.Values, "prototypes").Single();
        var first = prototypes.clone();
        run.Run(0, 8); // an epoch
        Assert.True(prototypes.allclose(first, rtol: 0, atol: 1e-6));
        run.Run(8, 10);
        Assert.False(prototypes.allclose(first, rtol: 0, atol: 1e-6));
        if (name == "swav")
        {
            Assert.True(prototypes.norm(1).allclose(ones(prototypes.shape[0])));
        }
    }

    [Fact]
    public void SmallViewsLearnFromLargeOnes()
    {
        using var scope = NewDisposeScope();
        using var method = new SwAv(new SwAvOptions { SmallViews = 2, Prototypes = 12 }, Context());
        Assert.Equal(4, method.Views);
        var batch = new ViewBatch(
            0, 0, arange(8), zeros(8, int64),
            [Numbers.Normal(8, 3, 16, 16), Numbers.Normal(8, 3, 16, 16), Numbers.Normal(8, 3, 8, 8), Numbers.Normal(8, 3, 8, 8)]);
        var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
        Assert.Equal(4, embeddings.Learned.Count);
        Assert.All(embeddings.Learned, z => Assert.True(z.norm(1).allclose(ones(8))));
        method.Compare(batch, embeddings).backward();
        Assert.True(method.Encoder.Parameters.GradientNorm() > 0);
    }

    [Fact]
    public void SimSiamsGradientFlowsThroughPredictionsOnly()
    {
        using var scope = NewDisposeScope();
        using var method = new SimSiam(new SimSiamOptions(), Context());
        Tensor[] learned = [.. Enumerable.Range(0, 4).Select(_ => Encoder.Unit(Numbers.Normal(8, 8)).detach().requires_grad_())];
        method.Compare(Batch(0), new Embeddings(learned, [])).backward();
        Assert.All(learned.Take(2), p => Assert.NotNull(p.grad));
        Assert.All(learned.Skip(2), z => Assert.Null(z.grad));
    }

    private static MethodContext Context()
    {
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
        return new MethodContext(parts => Encoder.Create(options, 3, Computing.Cpu, parts), 100, Communicator.Single)
        {
            Span = new ScheduleSpan(1000, 10),
        };
    }

    private static ViewBatch Batch(int step) => new(step, 0, arange(8), zeros(8, int64), []);
}
