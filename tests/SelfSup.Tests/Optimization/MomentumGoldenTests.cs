using System.Text.Json;

using SelfSup.Optimization;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Optimization;

/// <summary>The momentum of a target, and the target that follows by it, against solo-learn's and lightly's.</summary>
public sealed class MomentumGoldenTests
{
    private const double Tolerance = 1e-12;

    [GoldenComponent("ema_momentum")]
    internal static void MomentumMatchesTheReferences(GoldenCase golden)
    {
        if (golden.Name == "update")
        {
            TheTargetFollows(golden);
            return;
        }

        Close(golden.Outputs.GetProperty("tau_solo_byol"), Schedule(golden, MomentumConvention.Paper));
        Close(golden.Outputs.GetProperty("tau_lightly"), Schedule(golden, MomentumConvention.Lightly));
    }

    [Fact]
    public void AMomentumStaysAtItsEnd()
    {
        Assert.Equal(1, new MomentumSchedule(0.9, 1, 4).At(100));
        Assert.Equal(1, new MomentumSchedule(0.9, 1, 4, MomentumConvention.Lightly).At(3));
        Assert.Equal(1, new MomentumSchedule(0.9, 1, 1, MomentumConvention.Lightly).At(0));
        Assert.Equal(0.9, new MomentumSchedule(0.9, 1, 1).At(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MomentumSchedule(0.9, 1, 0));
    }

    private static void TheTargetFollows(GoldenCase golden)
    {
        FlatParameters Read(JsonElement of) => new(
            new[] { "weight", "bias" }.Select(name => (name, GoldenCase.Tensor(of.GetProperty(name)).requires_grad_())));
        var schedule = Schedule(golden, MomentumConvention.Paper);
        using var target = Read(golden.Input("target_initial"));
        var steps = golden.Outputs.GetProperty("steps").EnumerateArray().ToArray();
        foreach (var (step, (online, after)) in golden.Input("online").EnumerateArray().Zip(steps).Index())
        {
            using var values = Read(online);
            var momentum = schedule.At(step);
            target.MoveTowards(values, 1 - momentum);
            Assert.Equal(after.GetProperty("tau").GetDouble(), momentum, Tolerance);
            foreach (var segment in target.Segments)
            {
                GoldenCase.Close(after.GetProperty(segment.Name), segment.Of(target.Values), Tolerance);
            }
        }
    }

    private static MomentumSchedule Schedule(GoldenCase golden, MomentumConvention convention) => new(
        golden.Params.GetProperty("base").GetDouble(),
        golden.Params.GetProperty("final").GetDouble(),
        golden.Params.GetProperty("total_steps").GetInt64(),
        convention);

    private static void Close(JsonElement expected, MomentumSchedule schedule)
    {
        foreach (var (step, momentum) in GoldenCase.Numbers(expected).Index())
        {
            Assert.Equal(momentum, schedule.At(step), Tolerance);
        }
    }
}
