namespace SelfSup.Optimization;

/// <summary>Whose cosine. With k the step and K all steps, the way from start to end is at (1 - cos(pi x)) / 2.</summary>
public enum MomentumConvention
{
    /// <summary>BYOL's paper and solo-learn: x = k / K, so that the end would be reached one step after the last.</summary>
    Paper,

    /// <summary>lightly: x = k / (K - 1), so that the last step is made with the end.</summary>
    Lightly,
}

/// <summary>
/// How slowly a target follows, from step to step: half a cosine from the start to the end, mostly 1 (BYOL, Grill et al.
/// 2020, https://arxiv.org/abs/2006.07733, section 3.3).
/// </summary>
public sealed class MomentumSchedule
{
    private readonly double _start;
    private readonly double _end;
    private readonly long _steps;

    /// <summary>A schedule over a run.</summary>
    /// <param name="start">The momentum of step 0: the weight of the target's own values.</param>
    /// <param name="end">That at the end.</param>
    /// <param name="totalSteps">The steps of the run.</param>
    /// <param name="convention">Whose cosine.</param>
    public MomentumSchedule(
        double start, double end, long totalSteps, MomentumConvention convention = MomentumConvention.Paper)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalSteps);
        (_start, _end) = (start, end);
        _steps = convention == MomentumConvention.Lightly ? totalSteps - 1 : totalSteps;
    }

    /// <summary>The momentum of a step, counted from 0; from the last on it stays.</summary>
    public double At(long step) =>
        // The end itself without the cosine's rounding, and where a run of one step leaves no way.
        step >= _steps ? _end : _end - ((_end - _start) * (Math.Cos(Math.PI * step / _steps) + 1) / 2);
}
