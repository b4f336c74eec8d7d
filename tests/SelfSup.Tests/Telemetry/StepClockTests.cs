using SelfSup.Telemetry;

namespace SelfSup.Tests.Telemetry;

public sealed class StepClockTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void EveryPartHasTheTimeSinceTheReadingBefore()
    {
        var clock = new StepClock(_time);
        clock.Start();
        foreach (var step in new[] { 1, 10 })
        {
            Lap(clock, StepPart.DataWait, 1 * step);
            Lap(clock, StepPart.Optimizer, 2 * step);
            Lap(clock, StepPart.Forward, 3 * step);
            Lap(clock, StepPart.Optimizer, 4 * step);
        }

        Assert.Equal(2, clock.Steps.Count);
        foreach (var (step, factor) in clock.Steps.Zip([1, 10]))
        {
            Assert.Equal(0.001 * factor, step[StepPart.DataWait], 1e-9);
            Assert.Equal(0.003 * factor, step[StepPart.Forward], 1e-9);
            Assert.Equal(0.006 * factor, step[StepPart.Optimizer], 1e-9); // both readings
            Assert.Equal(0, step[StepPart.Backward]);
            Assert.Equal(0.010 * factor, step.Step, 1e-9);
        }
    }

    [Fact]
    public void WhatIsBetweenStepsIsNoPartOfAStep()
    {
        var clock = new StepClock(_time);
        clock.Start();
        Lap(clock, StepPart.Evaluation, 500); // before the first step
        Lap(clock, StepPart.DataWait, 1);
        Lap(clock, StepPart.Report, 2);
        Lap(clock, StepPart.Evaluation, 70);
        Lap(clock, StepPart.Checkpoint, 80);
        var step = Assert.Single(clock.Steps);
        Assert.Equal(0.003, step.Step, 1e-9);
        Assert.Equal((0.07, 0.08), (step[StepPart.Evaluation], step[StepPart.Checkpoint]));
    }

    [Fact]
    public void APartIsChargedWithWhatTheDeviceStillHasToDo()
    {
        var clock = new StepClock(_time, () => _time.Pass(5));
        clock.Start();
        Lap(clock, StepPart.DataWait, 1);
        Lap(clock, StepPart.Forward, 1);
        Assert.Equal(0.006, clock.Steps[0][StepPart.Forward], 1e-9);
    }

    private void Lap(StepClock clock, StepPart part, int milliseconds)
    {
        _time.Pass(milliseconds);
        clock.Lap(part);
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _now = 123;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => _now;

        public void Pass(int milliseconds) => _now += milliseconds;
    }
}
