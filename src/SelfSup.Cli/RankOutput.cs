using System.Globalization;

using SelfSup.Distributed;
using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>
/// Where a rank writes: rank 0 to the terminal, the others each to a file of the run, <c>ranks/rank-N.log</c>, so that there is
/// one progress line and one log. What the runtime says of a crash still reaches the terminal.
/// </summary>
internal sealed class RankOutput : IDisposable
{
    private readonly RankEnvironment _ranks;
    private readonly TextWriter _terminal;
    private StreamWriter? _log;
    private bool _isApart;

    private RankOutput(RankEnvironment ranks) => (_ranks, _terminal) = (ranks, Console.Error);

    /// <summary>The file of a rank.</summary>
    public static string LogOf(string directory, int rank) =>
        Path.Combine(directory, "ranks", string.Create(CultureInfo.InvariantCulture, $"rank-{rank}.log"));

    /// <summary>Lets this process write as a rank does.</summary>
    /// <param name="ranks">Which rank it is.</param>
    public static RankOutput Use(RankEnvironment ranks)
    {
        if (IsMpi(ranks.Launcher))
        {
            // mpirun gives ranks a terminal that nobody looks at: it must not be greeted with control codes.
            Environment.SetEnvironmentVariable("TERM", "dumb");
        }

        TolerantWriter.Use();
        return new RankOutput(ranks);
    }

    /// <summary>From now on what other ranks than the first write goes to their files.</summary>
    /// <param name="directory">The run directory.</param>
    public void Open(string directory)
    {
        if (_ranks.Rank == 0)
        {
            return;
        }

        var path = LogOf(directory, _ranks.Rank);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _log = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ErrorReport.Warn($"{path}: cannot be written ({e.Message}); rank {_ranks.Rank} goes on without a log");
        }

        _isApart = true;
        Console.SetOut(new TolerantWriter(_log ?? TextWriter.Null));
        Console.SetError(Console.Out);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"rank {_ranks.Rank} of {_ranks.Ranks}: process {Environment.ProcessId} on {Environment.MachineName}, {TimeProvider.System.GetUtcNow():u}"));
    }

    /// <summary>How the rank shows its run.</summary>
    public TerminalProgress Progress() => TerminalProgress.Create(mayMove: _ranks.Rank == 0 && !IsMpi(_ranks.Launcher));

    /// <summary>Reports an error where this rank's reports go, and on the terminal too where rank 0 cannot have said it.</summary>
    /// <param name="error">What ended the rank.</param>
    /// <param name="began">Whether the ranks had found one another: then rank 0 is told by the others why they end.</param>
    /// <returns>The exit code.</returns>
    public int Report(Exception error, bool began)
    {
        if (_ranks.Rank > 0 && (!began || (error is CommunicationException { Rank: 0 } && _ranks.Rank == 1)))
        {
            SpeakUp(error);
        }

        return ErrorReport.Print(error, _ranks.Rank == 0 || _isApart ? Console.Error : TextWriter.Null);
    }

    /// <summary>Says an error on the terminal though this is not the first rank.</summary>
    public void SpeakUp(Exception error)
    {
        IEnumerable<string> lines = error switch
        {
            RecipeException recipe => recipe.Violations,
            SelfSupException known => [known.Message.ReplaceLineEndings(" ")],
            _ => [$"{error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")} (a bug in SelfSup; the rank's log has the stack trace)"],
        };
        foreach (var line in lines)
        {
            _terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"selfsup: rank {_ranks.Rank} on {Environment.MachineName}: {line}"));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _log?.Flush(); // left open: threads that end with the process may still write

    private static bool IsMpi(Launcher launcher) => launcher is Launcher.OpenMpi or Launcher.Mpich;
}
