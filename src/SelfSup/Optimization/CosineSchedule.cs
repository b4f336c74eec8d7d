using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;

namespace SelfSup.Optimization;

/// <summary>
/// Whose warm-up and cosine. With k the step, w the warm-up steps, T all steps, s and f the fractions of the rate at
/// the start of the warm-up and at the end, and half(x) = f + (1 - f) (1 + cos(pi x)) / 2, the fraction of the
/// rate is
/// <code>
///             k below w                    from w on
/// simClr      s + (1 - s) k / w            half((k - w) / (T - w))
/// soloLearn   s + (1 - s) k / (w - 1)      half((k - w) / (T - w))
/// lightly     s + (1 - s) (k + 1) / w      half((k - w) / (T - w - 1))
/// </code>
/// Only the last reaches f within the run, in its last step; the others would reach it one step later.
/// </summary>
internal enum CosineConvention
{
    /// <summary>google-research/simclr; the first step of the warm-up is made at its start, often 0.</summary>
    SimClr,

    /// <summary>vturrisi/solo-learn: the full rate is reached one step earlier, and held for two.</summary>
    SoloLearn,

    /// <summary>lightly-ai/lightly: the start itself is skipped.</summary>
    Lightly,
}

/// <summary>Settings of <see cref="CosineSchedule"/>.</summary>
internal sealed class CosineOptions : ScheduleOptions
{
    /// <summary>Where the cosine ends, as a fraction of <see cref="ScheduleOptions.LearningRate"/>.</summary>
    [Range(0.0, 1.0)]
    public double Final { get; set; }

    /// <summary>Changes the rate once an epoch, as MoCo and SimSiam do, not at every step.</summary>
    public bool PerEpoch { get; set; }

    /// <summary>Whose formula.</summary>
    public CosineConvention Convention { get; set; } = CosineConvention.SimClr;
}

/// <summary>A linear warm-up, then half a cosine down (Loshchilov and Hutter 2017, without restarts).</summary>
[Named("cosine")]
internal sealed class CosineSchedule : ILearningRateSchedule
{
    private readonly CosineOptions _options;
    private readonly ScheduleSpan _span;
    private readonly long _warmup;
    private readonly long _total;

    /// <exception cref="Errors.RecipeException">The warm-up is not shorter than the run.</exception>
    public CosineSchedule(CosineOptions options, ScheduleSpan span)
    {
        (_options, _span) = (options, span);
        (_warmup, _total) = options.PerEpoch
            ? (options.WarmupSteps(span) / span.StepsPerEpoch, span.TotalSteps / span.StepsPerEpoch)
            : (options.WarmupSteps(span), span.TotalSteps);
    }

    /// <inheritdoc/>
    public double At(long step)
    {
        var k = _options.PerEpoch ? step / _span.StepsPerEpoch : step;
        if (k >= _warmup)
        {
            return Descent(Math.Min(k, _total) - _warmup);
        }

        return _options.Convention switch
        {
            CosineConvention.Lightly => _options.Warmup(k + 1, _warmup),
            CosineConvention.SoloLearn => _options.Warmup(k, Math.Max(1, _warmup - 1)),
            _ => _options.Warmup(k, _warmup),
        };
    }

    private double Descent(long done)
    {
        var length = _total - _warmup - (_options.Convention == CosineConvention.Lightly ? 1 : 0);
        // The end itself without the cosine's rounding, and where a run of one step leaves no way down.
        var remaining = done >= length ? 0 : (1 + Math.Cos(Math.PI * done / length)) / 2;
        return _options.LearningRate * (_options.Final + ((1 - _options.Final) * remaining));
    }
}
