namespace SelfSup.Training;

/// <summary>
/// How long a run has given no sign of life. Time counts only while somebody looks: a process that was suspended, as batch
/// systems do it, has not hung.
/// </summary>
/// <param name="limit">So much of it is a hang.</param>
/// <param name="look">Time between two looks.</param>
internal sealed class Silence(TimeSpan limit, TimeSpan look)
{
    private long _beats = -1;
    private TimeSpan _silent;
    private bool _told;

    /// <summary>Looks.</summary>
    /// <param name="beats">Signs of life so far.</param>
    /// <param name="passed">Time since the last look.</param>
    /// <returns>Whether the run has hung from now on; true once until it moves again.</returns>
    public bool IsTooLong(long beats, TimeSpan passed)
    {
        if (beats != _beats)
        {
            (_beats, _silent, _told) = (beats, TimeSpan.Zero, false);
            return false;
        }

        _silent += passed < 2 * look ? passed : 2 * look;
        if (_told || _silent < limit)
        {
            return false;
        }

        return _told = true;
    }
}
