using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>Steps of a real method on a very small network, through the real loader.</summary>
public sealed class TrainerTests(ITestOutputHelper output)
{
    // What is in no other mode goes two thousand steps; what is part of one that does, six hundred, and may grow as much less.
    [Theory]
    [InlineData("float32", 2000, 30)]
    [InlineData("bfloat16, slices, recomputing", 2000, 30)]
    [InlineData("bfloat16, replicas", 2000, 30)]
    [InlineData("float32, planes", 600, 10)]
    [InlineData("bfloat16", 600, 10)]
    [InlineData("slices", 600, 10)]
    public void MemoryIsFlat(string mode, int steps, int megabytes)
    {
        using var run = SmallRun.Of(mode);
        run.Run(0, steps / 4);
        var (tensors, resident) = (Tensor.TotalCount, ResidentMegabytes());
        run.Run(steps / 4, steps);
        output.WriteLine($"tensors {tensors} -> {Tensor.TotalCount}, resident {resident:0} MB -> {ResidentMegabytes():0} MB");
        Assert.InRange(Tensor.TotalCount, 0, tensors); // fewer, where the collector has found older ones
        Assert.InRange(ResidentMegabytes() - resident, -1000, megabytes);
    }

    [Fact]
    public void TheLossFalls()
    {
        using var run = new SmallRun();
        var losses = run.Run(0, 60);
        Assert.True(
            losses.Skip(50).Average() < losses.Take(5).Average() - 0.1, string.Join(' ', losses.Select(l => $"{l:0.00}")));
    }

    [Fact]
    public void ALongGradientIsClipped()
    {
        using var clipped = new SmallRun(clip: 1e-3);
        using var free = new SmallRun();
        Assert.Equal(free.Run(0, 1), clipped.Run(0, 1)); // the loss is from before the update
        Assert.Equal(1e-3, clipped.Method.Encoder.Parameters.GradientNorm(), 1e-5);
        Assert.True(free.Method.Encoder.Parameters.GradientNorm() > 0.01);
    }

    [Theory]
    [InlineData("simclr", "float32")]
    [InlineData("byol", "float32")]
    [InlineData("moco", "float32")]
    [InlineData("dino", "float32")]
    [InlineData("swav", "float32")]
    [InlineData("instanceDiscrimination", "float32")]
    [InlineData("moco", "bfloat16, slices, recomputing")]
    [InlineData("byol", "bfloat16, replicas")]
    public void AStepThatIsNoNumberChangesNothing(string method, string mode)
    {
        using var run = SmallRun.Of(mode, method);
        run.Run(0, 3);
        var before = run.State();
        using (NewDisposeScope())
        using (var batch = run.Loader.From(3, 4, CancellationToken.None).First())
        {
            batch.Views[0].fill_(float.NaN);
            Assert.False(run.Trainer.Step(batch).IsFinite);
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
            new TrainerOptions());
        using var scope = NewDisposeScope();
        var before = method.Encoder.Parameters.Values.clone();
        var report = trainer.Step(new ViewBatch(0, 0, arange(8), zeros(8, int64), [Numbers.Normal(8, 3, 8, 8)]));
        Assert.True(double.IsFinite(report.GradientNorm));
        Assert.False(report.IsFinite);
        Assert.True(method.Encoder.Parameters.Values.equal(before).all().item<bool>());
    }

    private static double ResidentMegabytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }

    /// <summary>A loss that is too large for its type, with a gradient that is not.</summary>
    private sealed class InfiniteLoss(MethodContext context) : Method(context)
    {
        public override int Views => 1;

        public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [encoder.Embed(batch.Views[0])];

        public override Tensor Compare(ViewBatch batch, Embeddings embeddings) => embeddings.Learned[0].sum() + double.PositiveInfinity;
    }
}
