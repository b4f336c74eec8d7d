namespace SelfSup.Augmentation;

/// <summary>
/// The tables one worker used lately for one axis. Random crops come back to the same sizes (for 32-pixel images there
/// are 32), so most are found here; a table that is not takes the place, and the memory, of another.
/// </summary>
internal sealed class ResampleTables
{
    private const int Places = 128;

    private readonly ResampleTable?[] _tables = new ResampleTable?[Places];

    /// <summary>A table that is valid until the next call.</summary>
    public ResampleTable Find(int input, int output, Interpolation interpolation, bool antialias)
    {
        ref var table = ref _tables[(uint)((input * 5) + output) % Places];
        table ??= new ResampleTable();
        if (!table.Fits(input, output, interpolation, antialias))
        {
            table.Build(input, output, interpolation, antialias);
        }

        return table;
    }
}
