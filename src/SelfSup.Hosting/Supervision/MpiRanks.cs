using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace SelfSup.Hosting.Supervision;

/// <summary>
/// The ranks of a run that an <c>mpirun</c> has started on this machine. It is told what to do through its standard input, which
/// it passes on to rank 0; what became of the ranks they write into a folder.
/// </summary>
internal sealed partial class MpiRanks : IRunProcess
{
    private const int KillSignal = 9;

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _patienceWithStarter = TimeSpan.FromSeconds(3);

    private readonly string _folder;
    private readonly int _ranks;
    private readonly TimeSpan _patience;
    private readonly Process _process;

    private MpiRanks(string folder, int ranks, TimeSpan patience, Process process) =>
        (_folder, _ranks, _patience, _process) = (folder, ranks, patience, process);

    /// <summary>Starts them.</summary>
    /// <param name="command">The command, by the folder that ranks write into.</param>
    /// <param name="ranks">How many.</param>
    /// <param name="patience">How long they may outlive one that has failed; null for that of <see cref="RankGroup"/>.</param>
    public static MpiRanks Start(Func<string, ProcessStartInfo> command, int ranks, TimeSpan? patience = null)
    {
        var folder = Directory.CreateTempSubdirectory("selfsup-ranks-").FullName;
        try
        {
            return new MpiRanks(folder, ranks, patience ?? RankGroup.Patience, Process.Start(command(folder))!);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Tell(byte what)
    {
        try
        {
            var input = _process.StandardInput.BaseStream;
            input.WriteByte(what);
            input.Flush();
        }
        catch (IOException)
        {
            // It has ended.
        }
    }

    /// <inheritdoc/>
    public void Kill()
    {
        File.WriteAllText(Path.Combine(_folder, "over"), ""); // for ranks that have not yet said which process they are
        for (var rank = 0; rank < _ranks; rank++)
        {
            // A group of its own, in which the rank itself is; where it is not (yet), it is among what mpirun has started.
            if (Read("exit", rank) is null && Read("process", rank) is { } process and > 1 && GroupOf(process) == process)
            {
                _ = Send(-process, KillSignal);
            }
        }

        _process.Kill(entireProcessTree: true);
    }

    /// <inheritdoc/>
    public RunEnd Wait()
    {
        var failures = new RankFailures();
        var running = Enumerable.Range(0, _ranks).ToList();
        var sinceFailure = new Stopwatch();
        var sinceEnd = new Stopwatch();
        var isPatient = true;
        while (true)
        {
            var hasEnded = _process.WaitForExit(_look); // first: what ranks have written is all there then
            foreach (var (rank, exitCode) in running.Select(rank => (rank, Read("exit", rank))).Where(end => end.Item2 is not null).ToList())
            {
                running.Remove(rank);
                if (isPatient && failures.Add(rank, exitCode!.Value))
                {
                    sinceFailure.Start();
                }
            }

            if (hasEnded)
            {
                return isPatient && running.Count > 0 ? WithoutStarter(running, failures) : failures.End;
            }

            if (running.Count == 0)
            {
                sinceEnd.Start();
            }

            if (isPatient && running.Count > 0 && sinceFailure.Elapsed >= _patience)
            {
                isPatient = false;
                failures.Outlived([.. running]);
                Kill();
            }
            else if (sinceEnd.Elapsed >= _patienceWithStarter)
            {
                _process.Kill(entireProcessTree: true); // it may wait for a rank that will not say farewell
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // A shell that ends just now has written into it.
        }
    }

    /// <summary>mpirun has ended before its ranks: it could not start them, or was killed.</summary>
    private RunEnd WithoutStarter(List<int> running, RankFailures failures)
    {
        Kill();
        var exitCode = _process.ExitCode == 0 ? Signals.ExitCodeBase + KillSignal : _process.ExitCode;
        if (running.Count == _ranks)
        {
            return new RunEnd(exitCode);
        }

        running.ForEach(rank => failures.Add(rank, Signals.ExitCodeBase + KillSignal));
        return failures.End;
    }

    private int? Read(string what, int rank)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{what}-{rank}")));
            return text.EndsWith('\n') && int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;
        }
        catch (IOException)
        {
            return null; // not written yet
        }
    }

    [LibraryImport("libc", EntryPoint = "getpgid")]
    private static partial int GroupOf(int process);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);
}
