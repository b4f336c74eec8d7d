using System.Text.Json;

using SelfSup.Optimization;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Optimization;

/// <summary>The schedules against lightly's, solo-learn's, MoCo's and SimCLR's.</summary>
public static class ScheduleGoldenTests
{
    private const double Tolerance = 1e-12;

    [GoldenComponent("lr_schedules")]
    internal static void Schedules(GoldenCase golden)
    {
        double Setting(string name) => golden.Params.GetProperty(name).GetDouble();
        var outputs = golden.Outputs;
        switch (golden.Name.Split('_')[0])
        {
            case "lightly":
                {
                    var peak = Setting("start_factor");
                    var schedule = new CosineSchedule(
                        new CosineOptions
                        {
                            Convention = CosineConvention.Lightly,
                            LearningRate = Setting("base_lr") * peak,
                            WarmupEpochs = Setting("warmup"),
                            WarmupStart = Setting("warmup_start_factor") / peak,
                            Final = Setting("end_factor") / peak,
                        },
                        new ScheduleSpan((long)Setting("total"), StepsPerEpoch: 1));
                    Close(outputs.GetProperty("lr"), schedule);
                    Assert.Equal(
                        outputs.GetProperty("lr_after_last").GetDouble(),
                        schedule.At((long)Setting("total")),
                        Tolerance);
                    break;
                }

            case "solo":
                {
                    var rate = Setting("base_lr");
                    var schedule = new CosineSchedule(
                        new CosineOptions
                        {
                            Convention = CosineConvention.SoloLearn,
                            LearningRate = rate,
                            WarmupEpochs = Setting("warmup"),
                            WarmupStart = Setting("warmup_start_lr") / rate,
                            Final = Setting("eta_min") / rate,
                        },
                        new ScheduleSpan((long)Setting("total"), StepsPerEpoch: 1));
                    Close(outputs.GetProperty("lr"), schedule);
                    Close(outputs.GetProperty("lr_closed_form"), schedule);
                    break;
                }

            case "moco":
                {
                    const long StepsPerEpoch = 7;
                    var span = new ScheduleSpan((long)Setting("epochs") * StepsPerEpoch, StepsPerEpoch);
                    var cosine = new CosineSchedule(
                        new CosineOptions { LearningRate = Setting("lr"), PerEpoch = true }, span);
                    var step = new StepSchedule(
                        new StepOptions
                        {
                            LearningRate = Setting("lr"),
                            Milestones = GoldenCase.Numbers(golden.Params.GetProperty("milestones")),
                        },
                        span);
                    Close(outputs.GetProperty("cos"), cosine, StepsPerEpoch);
                    Close(outputs.GetProperty("step"), step, StepsPerEpoch);
                    break;
                }

            case "simclr":
                {
                    var batch = Setting("batch_size");
                    var scale = golden.Params.GetProperty("scaling").GetString() switch
                    {
                        "linear" => batch / 256,
                        "sqrt" => Math.Sqrt(batch),
                        var other => throw new NotSupportedException($"scaling '{other}'"),
                    };
                    var schedule = new CosineSchedule(
                        new CosineOptions
                        {
                            Convention = CosineConvention.SimClr,
                            LearningRate = Setting("base_lr") * scale,
                            WarmupEpochs = Setting("warmup_steps"),
                        },
                        new ScheduleSpan((long)Setting("total_steps"), StepsPerEpoch: 1));
                    Close(outputs.GetProperty("lr"), schedule);
                    break;
                }

            default:
                throw new NotSupportedException($"a schedule of '{golden.Name}'");
        }
    }

    private static void Close(JsonElement expected, ILearningRateSchedule schedule, long stepsPerEpoch = 1)
    {
        var numbers = GoldenCase.Numbers(expected);
        for (var step = 0; step < numbers.Length * stepsPerEpoch; step++)
        {
            Assert.Equal(numbers[step / stepsPerEpoch], schedule.At(step), Tolerance);
        }
    }
}
