using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>Steps of a real method on a very small network, through the real loader.</summary>
public sealed class TrainerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("float32")]
    [InlineData("float32, planes")]
    [InlineData("bfloat16")]
    [InlineData("slices")]
    [InlineData("bfloat16, slices, recomputing")]
    [InlineData("bfloat16, replicas")]
    public void MemoryIsFlatOverTwoThousandSteps(string mode)
    {
        using var run = SmallRun.Of(mode);
        run.Run(0, 500);
        var (tensors, resident) = (Tensor.TotalCount, ResidentMegabytes());
        run.Run(500, 2000);
        output.WriteLine($"tensors {tensors} -> {Tensor.TotalCount}, resident {resident:0} MB -> {ResidentMegabytes():0} MB");
        Assert.InRange(Tensor.TotalCount, 0, tensors); // fewer, where the collector has found older ones
        Assert.InRange(ResidentMegabytes() - resident, -1000, 30);
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

    private static double ResidentMegabytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }
}
