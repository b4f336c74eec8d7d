using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Optimization;

namespace SelfSup.Tests.Optimization;

public sealed class ScheduleTests
{
    private static readonly ScheduleSpan _tenEpochsOfFour = new(40, 4);

    [Fact]
    public void TheCatalogueHasThePublishedNames() => Assert.Equal(
        ["constant", "cosine", "step"],
        new Catalog<ILearningRateSchedule>(typeof(ILearningRateSchedule).Assembly).Names);

    [Theory]
    [InlineData(nameof(CosineConvention.SimClr))]
    [InlineData(nameof(CosineConvention.SoloLearn))]
    [InlineData(nameof(CosineConvention.Lightly))]
    public void TheCosineEndsAtItsFinalRateAndStaysThere(string name)
    {
        var convention = Enum.Parse<CosineConvention>(name);
        var schedule = new CosineSchedule(
            new() { LearningRate = 2, Final = 0.25, WarmupEpochs = 1, Convention = convention }, _tenEpochsOfFour);
        Assert.Equal(0.5, schedule.At(40));
        Assert.Equal(0.5, schedule.At(1000));
        Assert.Equal(2, schedule.At(4), 1e-12);
        Assert.All(Enumerable.Range(4, 36), k => Assert.True(schedule.At(k + 1) <= schedule.At(k)));
        Assert.All(Enumerable.Range(0, 4), k => Assert.True(schedule.At(k + 1) >= schedule.At(k)));
    }

    [Fact]
    public void ARunOfOneStepHasARate()
    {
        foreach (var convention in Enum.GetValues<CosineConvention>())
        {
            var rate = new CosineSchedule(new() { LearningRate = 2, Convention = convention }, new(1, 1)).At(0);
            Assert.InRange(rate, 0, 2);
        }
    }

    [Fact]
    public void AnEpochWarmsUpInFractions()
    {
        var schedule = new ConstantSchedule(
            new() { LearningRate = 1, WarmupEpochs = 0.5, WarmupStart = 0.25 }, _tenEpochsOfFour);
        Assert.Equal([0.25, 0.625, 1, 1], [schedule.At(0), schedule.At(1), schedule.At(2), schedule.At(39)]);
    }

    [Fact]
    public void TheRateFallsAtMilestones()
    {
        var schedule = new StepSchedule(
            new() { LearningRate = 8, Milestones = [2, 2.5], Factor = 0.5 }, _tenEpochsOfFour);
        Assert.Equal([8, 4, 4, 2], [schedule.At(7), schedule.At(8), schedule.At(9), schedule.At(10)]);
    }

    [Fact]
    public void AWarmupLongerThanTheRunIsRefused()
    {
        var error = Assert.Throws<RecipeException>(
            () => new CosineSchedule(new() { LearningRate = 1, WarmupEpochs = 10 }, _tenEpochsOfFour));
        Assert.StartsWith("schedule.warmupEpochs: 10 epochs are 40 steps", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    public void ALearningRateIsRequired(double rate) =>
        Assert.Equal(nameof(CosineOptions.LearningRate), Violation(new CosineOptions { LearningRate = rate }));

    [Fact]
    public void SettingsWithoutEffectAreErrors()
    {
        Assert.Equal(nameof(LarsOptions.ClipLearningRate), Violation(new LarsOptions { ClipLearningRate = true }));
        Assert.Equal(
            nameof(LarsOptions.WeightDecay),
            Violation(new LarsOptions { Convention = LarsConvention.Lightly, WeightDecay = 0 }));
        Assert.Equal(nameof(SgdOptions.Nesterov), Violation(new SgdOptions { Nesterov = true, Dampening = 0.1 }));
        Assert.Equal(nameof(SgdOptions.Dampening), Violation(new SgdOptions { Momentum = 0, Dampening = 0.1 }));
        Assert.Equal(
            nameof(StepOptions.Milestones), Violation(new StepOptions { LearningRate = 1, Milestones = [3, 2] }));
    }

    private static string Violation(object options)
    {
        var results = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);
        return Assert.Single(Assert.Single(results).MemberNames);
    }
}
