using System.Globalization;

namespace SelfSup.Hosting.Supervision;

/// <summary>Whether and when a run that died is started again.</summary>
/// <param name="restarts">How often at most.</param>
internal sealed class RestartPolicy(int restarts)
{
    private const int MostInVain = 3;
    private const int Growth = 4;

    private static readonly TimeSpan _first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(10);

    private TimeSpan _pause = _first;
    private int _inVain;
    private bool _wasTriedAgain;

    /// <summary>How often it was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>How often it may be.</summary>
    public int Most => restarts;

    /// <summary>The run died.</summary>
    /// <param name="progressed">Whether it had written a newer checkpoint than there was before.</param>
    public RestartVerdict Died(bool progressed)
    {
        (_inVain, _pause) = progressed ? (0, _first) : (_inVain + 1, _pause);
        var isRepeated = _wasTriedAgain && !progressed;
        _wasTriedAgain = true;
        if (_inVain == MostInVain)
        {
            return new RestartVerdict(default, $"{MostInVain} times in a row without a new checkpoint");
        }

        if (Restarts == restarts)
        {
            return new RestartVerdict(default, string.Create(
                CultureInfo.InvariantCulture, $"{(restarts == 1 ? "its one restart is" : $"all {restarts} restarts are")} used"));
        }

        var pause = _pause;
        _pause = pause * Growth < _longest ? pause * Growth : _longest;
        Restarts++;
        return new RestartVerdict(pause, GivenUp: null) { IsRepeated = isRepeated };
    }

    /// <summary>It is started again as another: on fewer ranks. What happened to the former does not count against it.</summary>
    public void GoesOnWithFewer() => (_inVain, _wasTriedAgain) = (0, false);
}

/// <summary>What becomes of a run that died.</summary>
/// <param name="Pause">It is started again after so long.</param>
/// <param name="GivenUp">Or not at all, for this reason.</param>
internal readonly record struct RestartVerdict(TimeSpan Pause, string? GivenUp)
{
    /// <summary>Whether it had been started again as it was, and died once more without a newer checkpoint.</summary>
    public bool IsRepeated { get; init; }
}
