namespace SelfSup.Augmentation;

/// <summary>How one axis of a source becomes one axis of a view: a table, and which of its outputs in which order.</summary>
/// <param name="table">The weights.</param>
/// <param name="origin">The position in the source from which the table counts.</param>
/// <param name="first">The first of the table's outputs that is in the view.</param>
/// <param name="count">How many of them are.</param>
/// <param name="reversed">Whether the view is flipped along the axis.</param>
internal readonly struct ResampleAxis(ResampleTable table, int origin, int first, int count, bool reversed)
{
    /// <summary>Length of the view's axis.</summary>
    public int Count => count;

    /// <summary>
    /// The lowest source position that has a weight, and the one behind the highest. Neither need belong to an output at
    /// an end: one whose centre is a source position has fewer weights than its neighbours.
    /// </summary>
    public (int Low, int High) Reach()
    {
        var (low, high) = (int.MaxValue, int.MinValue);
        for (var i = first; i < first + count; i++)
        {
            var start = table.Start(i);
            (low, high) = (Math.Min(low, start), Math.Max(high, start + table.Weights(i).Length));
        }

        return (origin + low, origin + high);
    }

    /// <summary>The first source position that a position of the view is made of.</summary>
    public int Start(int position) => origin + table.Start(Output(position));

    /// <summary>The weights of the source positions from <see cref="Start"/> on.</summary>
    public ReadOnlySpan<float> Weights(int position) => table.Weights(Output(position));

    private int Output(int position) => first + (reversed ? count - 1 - position : position);
}
