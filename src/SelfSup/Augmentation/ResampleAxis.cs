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

    /// <summary>The lowest source position that has a weight.</summary>
    public int Low => origin + table.Start(first);

    /// <summary>The position behind the highest source position that has a weight.</summary>
    public int High => origin + table.Start(first + count - 1) + table.Weights(first + count - 1).Length;

    /// <summary>The first source position that a position of the view is made of.</summary>
    public int Start(int position) => origin + table.Start(Output(position));

    /// <summary>The weights of the source positions from <see cref="Start"/> on.</summary>
    public ReadOnlySpan<float> Weights(int position) => table.Weights(Output(position));

    private int Output(int position) => first + (reversed ? count - 1 - position : position);
}
