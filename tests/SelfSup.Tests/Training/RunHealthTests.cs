using SelfSup.Checkpoints;
using SelfSup.Augmentation;
using SelfSup.Diagnostics;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

public sealed class RunHealthTests
{
    private static readonly EmbeddingReport _good = EmbeddingReport.Of(Numbers.Normal(32, 8), Numbers.Normal(32, 8));
    private static readonly EmbeddingReport _constant = EmbeddingReport.Of(ones(32, 8), ones(32, 8));
    private static readonly EmbeddingReport _line = EmbeddingReport.Of(Line(), Line());

    [Fact]
    public void ACollapseEndsTheRunWithItsSignalAndTheLastGoodCheckpoint()
    {
        var health = new RunHealth(Options(), new Silent(), stepsPerEpoch: 1);
        Look(health, 1, _good);
        health.Saved(10);
        Look(health, 11, _good);
        Look(health, 21, _constant);
        health.Saved(30); // of a network that has collapsed already
        Look(health, 31, _constant);
        Look(health, 41, _constant);
        Look(health, 51, _constant);
        var error = Assert.Throws<TrainingException>(() => Look(health, 61, _constant));
        Assert.StartsWith("embeddings have collapsed at step 61: constant output", error.Message, StringComparison.Ordinal);
        Assert.Contains("5 times in a row; the checkpoint of step 10 is from before", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, error.ExitCode);
    }

    [Fact]
    public void AnEffectiveRankOfOneIsACollapse()
    {
        var health = new RunHealth(Options(), new Silent(), stepsPerEpoch: 1);
        for (var step = 1; step <= 5; step++)
        {
            Look(health, step, _line); // the first is of the beginning and does not count
        }

        var error = Assert.Throws<TrainingException>(() => Look(health, 6, _line));
        Assert.Contains("effective rank 1.0", error.Message, StringComparison.Ordinal);
        Assert.Contains("there is no checkpoint from before", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACheckpointOfTheBeginningIsNotCalledGoodUnlessItWas()
    {
        var health = new RunHealth(Options(), new Silent(), stepsPerEpoch: 100);
        health.Saved(20); // a run that goes on: nobody has looked at it yet
        Look(health, 50, _constant);
        health.Saved(100);
        for (var step = 101; step <= 104; step++)
        {
            Look(health, step, _constant);
        }

        var error = Assert.Throws<TrainingException>(() => Look(health, 105, _constant));
        Assert.Contains("there is no checkpoint from before", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneGoodLookForgetsTheBadOnes()
    {
        var health = new RunHealth(Options(), new Silent(), stepsPerEpoch: 1);
        for (var step = 1; step < 100; step++)
        {
            Look(health, step, step % 5 == 0 ? _good : _constant);
        }
    }

    [Fact]
    public void ToldToGoOnItWarnsOnce()
    {
        var progress = new Silent();
        var health = new RunHealth(Options(onCollapse: OnTrouble.GoOn), progress, stepsPerEpoch: 1);
        for (var step = 1; step < 100; step++)
        {
            Look(health, step, _constant);
        }

        Assert.Single(progress.Warnings, w => w.Contains("constant output", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(1, double.PositiveInfinity)]
    public void WhatIsNoNumberEndsTheRun(double loss, double norm)
    {
        var health = new RunHealth(Options(), new Silent(), stepsPerEpoch: 1);
        health.Saved(10);
        var state = new RunState { Step = 11, Loss = 3.5 };
        var error = Assert.Throws<TrainingException>(() => health.Look(new StepReport(12, loss, 0.1, norm), state));
        Assert.Contains("at step 12 (last finite loss 3.5 at step 11)", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("the checkpoint of step 10 is intact", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("simclr")]
    [InlineData("byol")]
    public void ToldToGoOnAStepThatIsNoNumberChangesNothing(string method)
    {
        using var run = new SmallRun(method, trainer: new TrainerOptions(SkipsNonFinite: true));
        run.Run(0, 3);
        var before = run.State();
        using (NewDisposeScope())
        using (var batch = run.Loader.From(3, 4, CancellationToken.None).First())
        {
            batch.Views[0].fill_(float.NaN);
            var report = run.Trainer.Step(batch);
            Assert.False(report.IsFinite);
            var progress = new Silent();
            new RunHealth(Options(onNonFinite: OnTrouble.GoOn), progress, stepsPerEpoch: 1).Look(report, new RunState());
            Assert.Contains("the step is left out", Assert.Single(progress.Warnings), StringComparison.Ordinal);
        }

        Assert.Equal(before, run.State());
        Assert.All(run.Run(4, 8), loss => Assert.True(double.IsFinite(loss)));
    }

    [Fact]
    public void SoDoesOneWhoseLossAloneIsNoNumber()
    {
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
        using var method = new InfiniteLoss(
            new MethodContext(parts => Encoder.Create(options, 3, Computing.Cpu, parts), 8, Communicator.Single));
        using var optimizer = new Sgd(new SgdOptions(), method.Encoder.Parameters);
        var trainer = new Trainer(
            method,
            optimizer,
            new ConstantSchedule(new ConstantOptions { LearningRate = 0.05 }, new ScheduleSpan(10, 10)),
            Communicator.Single,
            new WholeBatch(method, Computing.Cpu),
            CPU,
            new TrainerOptions(SkipsNonFinite: true));
        using var scope = NewDisposeScope();
        var before = method.Encoder.Parameters.Values.clone();
        var report = trainer.Step(new ViewBatch(0, 0, arange(8), zeros(8, int64), [Numbers.Normal(8, 3, 8, 8)]));
        Assert.True(double.IsFinite(report.GradientNorm));
        Assert.False(report.IsFinite);
        Assert.True(method.Encoder.Parameters.Values.equal(before).all().item<bool>());
    }

    private static Tensor Line() => arange(1, 33, dtype: float32).unsqueeze(1) * tensor(new[] { 1f, 2, 3, 4, 5, 6, 7, 8 }) * Signs();

    private static Tensor Signs() => (arange(32).remainder(2) * 2).sub(1).unsqueeze(1);

    private static TrainingRunOptions Options(OnTrouble onCollapse = OnTrouble.Stop, OnTrouble onNonFinite = OnTrouble.Stop) =>
        new(new CheckpointRetention(3, []), TimeSpan.Zero, 1, onCollapse, onNonFinite);

    private static void Look(RunHealth health, long step, EmbeddingReport space) =>
        health.Look(new StepReport(step, 1, 0.1, 1) { Space = space }, new RunState());

    /// <summary>A loss that is too large for its type, with a gradient that is not.</summary>
    private sealed class InfiniteLoss(MethodContext context) : Method(context)
    {
        public override int Views => 1;

        public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [encoder.Embed(batch.Views[0])];

        public override Tensor Compare(ViewBatch batch, Embeddings embeddings) => embeddings.Learned[0].sum() + double.PositiveInfinity;
    }

    private sealed class Silent : IRunProgress
    {
        public List<string> Warnings { get; } = [];

        public void Started(RunStart start)
        {
        }

        public void Stepped(StepProgress progress)
        {
        }

        public void Evaluating(long step)
        {
        }

        public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
        {
        }

        public void Saved(long step, string path)
        {
        }

        public void Warn(string message) => Warnings.Add(message);
    }
}
