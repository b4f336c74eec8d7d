namespace SelfSup.Reports;

/// <summary>Says every ten seconds how many images a network has looked at: a large one takes minutes for them on a CPU.</summary>
/// <param name="images">How many there are.</param>
/// <param name="time">The clock.</param>
/// <param name="say">Told of it.</param>
internal sealed class ImageProgress(int images, TimeProvider time, Action<string> say)
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);

    private long _said = time.GetTimestamp();

    /// <summary>It has looked at so many.</summary>
    public void Seen(int seen)
    {
        if (seen < images && time.GetElapsedTime(_said) >= _pause)
        {
            say(FormattableString.Invariant($"{seen:N0} of {images:N0} images"));
            _said = time.GetTimestamp();
        }
    }
}
