using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>What of a network learns in fine-tuning, and how fast.</summary>
public sealed class FineTuningTests
{
    [Fact]
    public void RatesFallFromTheHeadToTheFirstStage()
    {
        using var run = new SmallRun("simclr");
        FineTuning.Apply(run.Method, new() { LayerDecay = 0.5 });
        double Rate(string name) => run.Method.Encoder.Parameters.Segments.Single(s => s.Name == name).Rate;
        Assert.Equal(1, Rate("head.layers.0.weight"));
        Assert.Equal(0.5, Rate("backbone.layer3.0.conv1.weight"));
        Assert.Equal(0.25, Rate("backbone.layer2.1.bn1.bias"));
        Assert.Equal(0.125, Rate("backbone.layer1.0.conv2.weight"));
        Assert.Equal(0.0625, Rate("backbone.conv1.weight"));
        Assert.Equal(0.0625, Rate("backbone.bn1.weight"));
    }

    [Fact]
    public void AVisionTransformersBlocksAreItsStages()
    {
        var options = new EncoderOptions
        {
            Backbone = "vitTiny",
            Vit = new() { PatchSize = 4, ImageSize = 8, Depth = 2 },
            Head = new() { Output = 8 },
        };
        using var run = new SmallRun("simclr", encoder: options);
        var stages = run.Method.Encoder.Stages;
        Assert.Equal(["patches", "blocks.0", "blocks.1"], stages.Select(stage => stage.Name));
        var backbone = run.Method.Encoder.Parameters.Segments.Where(s => s.Name.StartsWith("backbone.", StringComparison.Ordinal)).ToArray();
        Assert.All(backbone, segment => Assert.Single(stages, stage => stage.Has(segment.Name)));
        FineTuning.Apply(run.Method, new() { TrainFrom = "blocks.1" });
        Assert.All(backbone, segment => Assert.Equal(
            segment.Name.StartsWith("backbone.blocks.1.", StringComparison.Ordinal) || segment.Name.StartsWith("backbone.norm.", StringComparison.Ordinal),
            run.Method.Encoder.Parameters.Segments.Single(s => s.Name == segment.Name).Rate > 0));
    }

    [Theory]
    [InlineData("float32", "layer2")]
    [InlineData("float32", "head")]
    [InlineData("float32, planes", "layer3")]
    [InlineData("bfloat16, slices, recomputing", "layer2")]
    [InlineData("bfloat16, replicas", "layer2")]
    public void WhatIsBeforeTheFirstStageStaysToTheBit(string mode, string first)
    {
        using var run = SmallRun.Of(mode, "simclr", new() { TrainFrom = first });
        var before = State(run.Method.Encoder);
        Assert.All(run.Run(0, 6), loss => Assert.True(double.IsFinite(loss)));
        var after = State(run.Method.Encoder);
        string[] stages = ["conv1", "bn1", "layer1", "layer2", "layer3"];
        var held = first == "head" ? stages : stages[..Array.IndexOf(stages, first)];
        foreach (var (name, value) in before)
        {
            var isHeld = held.Any(stage => name.StartsWith($"backbone.{stage}.", StringComparison.Ordinal));
            Assert.True(isHeld == (value == after[name]), name); // statistics of normalisations included
        }
    }

    /// <summary>A copy that does not begin with the weights of the run, as after a resume, has its statistics all the same.</summary>
    [Fact]
    public void CopiesShareTheStatisticsOfHeldStages()
    {
        using var run = new SmallRun("simclr");
        FineTuning.Apply(run.Method, new() { TrainFrom = "layer2" });
        using var copy = run.Method.NewEncoder();
        copy.Parameters.Share(run.Method.Encoder.Parameters);
        copy.LearnAs(run.Method.Encoder);
        using var _ = no_grad();
        foreach (var (name, buffer) in run.Method.Encoder.named_buffers().Where(b => b.name.EndsWith("running_mean", StringComparison.Ordinal)))
        {
            buffer.fill_(3);
            var own = copy.named_buffers().Single(b => b.name == name).buffer;
            var held = name.StartsWith("backbone.bn1.", StringComparison.Ordinal) || name.StartsWith("backbone.layer1.", StringComparison.Ordinal);
            Assert.True(held == (own.max().item<float>() == 3), name);
        }

        Assert.Equal(
            run.Method.Encoder.named_buffers().Count(b => !b.name.StartsWith("backbone.bn1.", StringComparison.Ordinal)
                && !b.name.StartsWith("backbone.layer1.", StringComparison.Ordinal)),
            run.Method.Encoder.Statistics.Count);
    }

    /// <summary>The key encoder's held stages see what the query's do.</summary>
    [Theory]
    [InlineData("moco")]
    [InlineData("byol")]
    public void AKeyEncoderHoldsTheSameStages(string method)
    {
        using var run = SmallRun.Of("float32", method, new() { TrainFrom = "layer3" });
        var before = run.Method.Encoders.Select(State).ToArray();
        run.Run(0, 4);
        foreach (var (encoder, was) in run.Method.Encoders.Zip(before))
        {
            var now = State(encoder);
            Assert.All(
                was.Where(state => state.Key.StartsWith("backbone.", StringComparison.Ordinal) && !state.Key.StartsWith("backbone.layer3.", StringComparison.Ordinal)),
                state => Assert.Equal(state.Value, now[state.Key]));
            Assert.NotEqual(was["backbone.layer3.0.bn1.running_mean"], now["backbone.layer3.0.bn1.running_mean"]);
        }
    }

    /// <summary>Where the loss takes features as they are and nothing before learns, nothing goes back through the network.</summary>
    [Theory]
    [InlineData("float32")]
    [InlineData("slices")]
    [InlineData("bfloat16, slices, recomputing")]
    [InlineData("bfloat16, replicas")]
    public void AClassifierAloneLearns(string mode)
    {
        using var run = SmallRun.Of(mode, "classification", new() { TrainFrom = "head" });
        var before = State(run.Method.Encoder);
        Assert.All(run.Run(0, 6), loss => Assert.True(double.IsFinite(loss)));
        var after = State(run.Method.Encoder);
        Assert.All(before, state => Assert.Equal(!state.Key.StartsWith("classifier.", StringComparison.Ordinal), after[state.Key] == state.Value));
    }

    [Fact]
    public void HeldStagesComputeAsInEvaluation()
    {
        using var run = new SmallRun("simclr");
        FineTuning.Apply(run.Method, new() { TrainFrom = "head" });
        using var scope = NewDisposeScope();
        var images = Numbers.Normal(6, 3, 8, 8);
        run.Method.Encoder.train();
        var training = run.Method.Encoder.Represent(images);
        run.Method.Encoder.eval();
        var judged = run.Method.Encoder.Represent(images);
        Assert.False(training.requires_grad);
        Assert.InRange((training - judged).abs().max().item<float>(), 0, 1e-6);
        run.Method.Encoder.train();
        Assert.True(run.Method.Encoder.training);
    }

    [Theory]
    [InlineData("layer7", "finetune.trainFrom: there is no stage 'layer7'; it must be one of stem, layer1, layer2, layer3, head")]
    [InlineData("Layer1", "finetune.trainFrom: there is no stage 'Layer1'; it must be one of stem, layer1, layer2, layer3, head")]
    public void AStageThatThereIsNotIsSaid(string stage, string expected)
    {
        using var run = new SmallRun("simclr");
        Assert.Equal(expected, Assert.Throws<RecipeException>(() => FineTuning.Apply(run.Method, new() { TrainFrom = stage })).Message);
    }

    /// <summary>No loss depends on the projection head there; weight decay would wear it down.</summary>
    [Fact]
    public void ClassificationLeavesTheProjectionHeadAlone()
    {
        using var run = SmallRun.Of("float32", "classification", new());
        var before = State(run.Method.Encoder);
        run.Run(0, 4);
        var after = State(run.Method.Encoder);
        Assert.All(before, state => Assert.Equal(state.Key.StartsWith("head.", StringComparison.Ordinal), after[state.Key] == state.Value));
        Assert.Contains("classifier.weight", before.Keys);
    }

    /// <summary>A step of so many times the learning rate, by the rule of SGD without momentum.</summary>
    [Fact]
    public void TheClassifierLearnsAtItsOwnRate()
    {
        using var scope = NewDisposeScope();
        var step = new Tensor[2];
        foreach (var (i, rate) in new[] { 1.0, 10.0 }.Index())
        {
            using var run = new SmallRun("classification", settings: new ClassificationOptions { ClassifierRate = rate });
            FineTuning.Apply(run.Method, null);
            using var optimizer = new Sgd(new() { Momentum = 0 }, run.Method.Encoder.Parameters);
            var trainer = new Trainer(
                run.Method,
                optimizer,
                new ConstantSchedule(new() { LearningRate = 0.01 }, new(10, 10)),
                SelfSup.Distributed.Communicator.Single,
                new WholeBatch(run.Method, Computing.Cpu),
                CPU,
                new());
            var before = run.Method.Encoder.Parameters.Of(run.Method.Encoder.Parameters.Values, "classifier").First().clone();
            using var batch = run.Loader.From(0, 1, CancellationToken.None).First();
            trainer.Step(batch);
            step[i] = run.Method.Encoder.Parameters.Of(run.Method.Encoder.Parameters.Values, "classifier").First() - before;
        }

        Assert.True(step[0].abs().max().item<float>() > 1e-4);
        Assert.InRange((step[1] - (10 * step[0])).abs().max().item<float>(), 0, 1e-6);
    }

    private static Dictionary<string, string> State(Encoder encoder)
    {
        using var scope = NewDisposeScope();
        return encoder.State.ToDictionary(t => t.Name, t => Convert.ToHexString(t.Value.detach().contiguous().reshape(-1).bytes));
    }
}
