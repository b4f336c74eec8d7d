using System.Runtime.InteropServices;

namespace SelfSup.Hosting.Supervision;

/// <summary>Tells of several ranks' ends which one was the cause: a rank that fails lets the others fail too.</summary>
internal sealed class RankFailures
{
    /// <summary>What a rank ends with that has lost another, the exit code of <see cref="Errors.CommunicationException"/>.</summary>
    private const int LostAnother = 6;

    private readonly List<(int Rank, int ExitCode)> _failures = [];
    private int[] _outlived = [];
    private int _peaceful;

    /// <summary>How the run has ended.</summary>
    public RunEnd End
    {
        get
        {
            if (_failures.Count == 0)
            {
                return new RunEnd(_peaceful);
            }

            var causes = _failures.FindAll(failure => failure.ExitCode != LostAnother);
            var (rank, exitCode) = causes.Count > 0 ? causes[0] : _failures[0];
            return new RunEnd(exitCode)
            {
                Rank = rank,
                Lost = causes.FindIndex(failure => Signals.Name(failure.ExitCode) is not null) is >= 0 and var signalled ? causes[signalled].Rank
                    : causes is [var only] ? only.Rank
                    : causes is [] && _outlived is [var silent] ? silent
                    : null, // all fail alike: it is the run
            };
        }
    }

    /// <summary>Whether a process ended as it was told to, or is done: the others may still write what they have.</summary>
    public static bool IsPeaceful(int exitCode) => exitCode == 0
        || exitCode == Signals.Stop(PosixSignal.SIGINT).ExitCode || exitCode == Signals.Stop(PosixSignal.SIGTERM).ExitCode;

    /// <summary>A rank has ended.</summary>
    /// <returns>Whether it failed.</returns>
    public bool Add(int rank, int exitCode)
    {
        if (IsPeaceful(exitCode))
        {
            _peaceful = Math.Max(_peaceful, exitCode); // a stop that reached some of them stopped the run
            return false;
        }

        _failures.Add((rank, exitCode));
        return true;
    }

    /// <summary>These had to be ended: they did not notice that another failed, or hang.</summary>
    public void Outlived(int[] ranks) => _outlived = ranks;
}
