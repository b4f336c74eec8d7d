using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;

using SelfSup.Hosting;
using SelfSup.Hosting.Supervision;

namespace SelfSup.Cli;

/// <summary><c>--restarts</c>: the same command without it in a process of its own, started again when it dies.</summary>
internal static class SupervisedRun
{
    private const string Name = "--restarts";

    public static Option<int> Option()
    {
        var option = new Option<int>(Name)
        {
            Description = "Trains in a process of its own and starts it again, at most so often, when it dies: killed, crashed, failed " +
                "or hung (run.onHang: stop). Gives up when it dies three times without a new checkpoint",
            HelpName = "n",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var most) && most < 0)
            {
                result.AddError($"{Name}: must be at least 0, is {text}");
            }
        });
        return option;
    }

    /// <summary>Runs the command.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="directory">The run directory.</param>
    /// <param name="restarts">How often to start again.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ParseResult parsed, string directory, int restarts)
    {
        TolerantWriter.Use();
        using var supervisor = new Supervisor(
            OwnProgram.With(ArgumentsOf(parsed.Tokens)),
            directory,
            new RestartPolicy(restarts),
            ErrorReport.Warn,
            TimeProvider.System);
        PosixSignal?[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, Signals.User1];
        PosixSignalRegistration[] registrations = [.. signals.OfType<PosixSignal>().Select(signal => PosixSignalRegistration.Create(signal, Came))];
        try
        {
            var (exitCode, givenUp) = supervisor.Run();
            if (givenUp is not null)
            {
                Console.Error.WriteLine($"selfsup: {TerminalProgress.Short(directory)}: {givenUp}");
            }

            return exitCode;
        }
        finally
        {
            Array.ForEach(registrations, registration => registration.Dispose());
        }

        void Came(PosixSignalContext context)
        {
            context.Cancel = true;
            supervisor.Signal(context.Signal);
        }
    }

    /// <summary>The command line without the option.</summary>
    internal static IEnumerable<string> ArgumentsOf(IReadOnlyList<Token> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i] is { Type: TokenType.Option, Value: Name })
            {
                i++; // and its number
            }
            else
            {
                yield return tokens[i].Value;
            }
        }
    }
}
