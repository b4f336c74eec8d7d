namespace SelfSup.Augmentation;

/// <summary>
/// The tables one worker used lately for one axis. Random crops come back to the same sizes (for 32-pixel images there
/// are 32), so most are found here; a table that is not takes the place, and the memory, of another.
/// </summary>
internal sealed class AxisTables
{
    private const int Places = 128;

    private readonly ResampleTable?[] _tables = new ResampleTable?[Places];
    private readonly ResampleTable _other = new();
    private (AxisPlan Plan, int Samples, bool Interpolated, int Scale) _otherIs;

    /// <summary>How to resample an axis at full resolution; valid until the next call.</summary>
    public ResampleAxis Find(in AxisPlan plan) =>
        new(Table(plan), plan.Start, plan.First, plan.Count, plan.Reversed);

    /// <summary>How to resample an axis of a plane of a JPEG; valid until the next call.</summary>
    /// <param name="plan">What is asked of the image's axis.</param>
    /// <param name="ratio">Pixels of the (scaled) image that share a sample of the plane.</param>
    /// <param name="samples">Samples of the whole plane along the axis.</param>
    /// <param name="interpolated">Whether samples are interpolated where they are shared; repeated otherwise.</param>
    /// <param name="scale">How many times smaller than the image the scaled one is.</param>
    public ResampleAxis Find(in AxisPlan plan, int ratio, int samples, bool interpolated, int scale)
    {
        if (ratio == 1 && scale == 1)
        {
            return Find(plan);
        }

        // Both colour planes of an image ask for the same.
        if (_otherIs != (plan, samples, interpolated, scale))
        {
            if (scale == 1)
            {
                _other.BuildHalved(Table(plan), plan.Start, samples, interpolated);
            }
            else
            {
                _other.BuildShrunk(
                    (double)plan.Start / scale, (double)plan.Length / scale, samples, plan.Output, plan.Interpolation);
            }

            _otherIs = (plan, samples, interpolated, scale);
        }

        return new ResampleAxis(_other, 0, plan.First, plan.Count, plan.Reversed);
    }

    private ResampleTable Table(in AxisPlan plan)
    {
        ref var table = ref _tables[(uint)((plan.Length * 5) + plan.Output) % Places];
        table ??= new ResampleTable();
        if (!table.Fits(plan.Length, plan.Output, plan.Interpolation, plan.Antialias))
        {
            table.Build(plan.Length, plan.Output, plan.Interpolation, plan.Antialias);
        }

        return table;
    }
}
