using System.Globalization;

using SelfSup.Distributed;
using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>
/// Where a rank writes: rank 0 to the terminal, the others each to a file of the run, <c>ranks/rank-N.log</c>, so that there is
/// one progress line and one log. What the runtime says of a crash still reaches the terminal.
/// </summary>
/// <param name="ranks">Which rank it is.</param>
internal sealed class RankOutput(RankEnvironment ranks) : IDisposable
{
    private readonly TextWriter _terminal = Console.Error;
    private StreamWriter? _log;
    private bool _isApart;

    /// <summary>The file of a rank.</summary>
    public static string LogOf(string directory, int rank) =>
        Path.Combine(directory, "ranks", string.Create(CultureInfo.InvariantCulture, $"rank-{rank}.log"));

    /// <summary>From now on what other ranks than the first write goes to their files.</summary>
    /// <param name="directory">The run directory.</param>
    public void Open(string directory)
    {
        if (ranks.Rank == 0)
        {
            return;
        }

        var path = LogOf(directory, ranks.Rank);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _log = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ErrorReport.Warn($"{path}: cannot be written ({e.Message}); rank {ranks.Rank} goes on without a log");
        }

        _isApart = true;
        Console.SetOut(new TolerantWriter(_log ?? TextWriter.Null));
        Console.SetError(Console.Out);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"rank {ranks.Rank} of {ranks.Ranks}: process {Environment.ProcessId} on {Environment.MachineName}, {TimeProvider.System.GetUtcNow():u}"));
    }

    /// <summary>How the rank shows its run.</summary>
    public TerminalProgress Progress() => TerminalProgress.Create(mayMove: ranks.Launcher is Launcher.None or Launcher.Torch && ranks.Rank == 0);

    /// <summary>Reports an error where this rank's reports go, and on the terminal too where rank 0 cannot have said it.</summary>
    /// <param name="error">What ended the rank.</param>
    /// <param name="began">Whether the ranks had found one another: then rank 0 is told by the others why they end.</param>
    /// <returns>The exit code.</returns>
    public int Report(Exception error, bool began)
    {
        if (ranks.Rank > 0 && (!began || (error is CommunicationException { Rank: 0 } && ranks.Rank == 1)))
        {
            SpeakUp(error);
        }

        return ErrorReport.Print(error, ranks.Rank == 0 || _isApart ? Console.Error : TextWriter.Null);
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
            _terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"selfsup: rank {ranks.Rank} on {Environment.MachineName}: {line}"));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _log?.Flush(); // left open: threads that end with the process may still write
}
