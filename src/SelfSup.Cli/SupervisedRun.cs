using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;

using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Hosting.Supervision;

namespace SelfSup.Cli;

/// <summary>
/// <c>--devices</c> and <c>--restarts</c>: the same command without them in processes of its own, one for each rank, started again
/// when they die.
/// </summary>
internal sealed class SupervisedRun
{
    private const string RestartsName = "--restarts";
    private const string RanksMinName = "--ranks-min";

    private readonly Option<string?> _devices = new(RankDevices.Option)
    {
        Description = "Trains on several GPUs of this machine, or with several ranks on the CPU, which mpirun starts, each in a process " +
            "of its own: 0,1,2,3 or all or cpu:4. Batches are shared equally among them",
        HelpName = "list",
    };

    private readonly Option<int?> _ranksMin = new(RanksMinName)
    {
        Description = "With --devices and --restarts: a run that dies again after its first restart goes on without the rank that was " +
            "lost, on so many ranks at least, with the same global batch, order and schedule",
        HelpName = "n",
    };

    private readonly Option<int> _restarts = Restarts();

    /// <summary>Adds the options to a verb.</summary>
    public static SupervisedRun For(Command command)
    {
        var options = new SupervisedRun();
        command.Add(options._devices);
        command.Add(options._restarts);
        command.Add(options._ranksMin);
        return options;
    }

    /// <summary>Whether the command line asks for it.</summary>
    public bool IsAskedFor(ParseResult parsed) =>
        parsed.GetValue(_restarts) > 0 || parsed.GetValue(_devices) is not null || parsed.GetValue(_ranksMin) is not null;

    /// <summary>Runs the command.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="directory">The run directory.</param>
    /// <param name="globalBatch">Images in a step, as the recipe says; asked where there are several ranks.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="RecipeException">The options do not fit one another, the recipe or the machine.</exception>
    public int Run(ParseResult parsed, string directory, Func<int> globalBatch)
    {
        var restarts = parsed.GetValue(_restarts);
        var starter = Starter(parsed, globalBatch, restarts);
        TolerantWriter.Use();
        using var supervisor = new Supervisor(starter, directory, new RestartPolicy(restarts), ErrorReport.Warn, TimeProvider.System);
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

    /// <summary>The command line without the options.</summary>
    internal static IEnumerable<string> ArgumentsOf(IReadOnlyList<Token> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i] is { Type: TokenType.Option, Value: RestartsName or RankDevices.Option or RanksMinName })
            {
                i++; // and its value
            }
            else
            {
                yield return tokens[i].Value;
            }
        }
    }

    /// <summary>What is started, as the command line says.</summary>
    private IRunStarter Starter(ParseResult parsed, Func<int> globalBatch, int restarts)
    {
        var process = OwnProgram.With(ArgumentsOf(parsed.Tokens));
        var least = parsed.GetValue(_ranksMin);
        if (parsed.GetValue(_devices) is not { } list)
        {
            return least is null
                ? new SingleProcess(process)
                : throw new RecipeException($"{RanksMinName}: is for a run on several devices; say which with {RankDevices.Option}, or leave it out");
        }

        if (RunEnvironment.Ranks() is { Ranks: > 1 } ranks)
        {
            throw new RecipeException(
                $"{RankDevices.Option}: this process is rank {ranks.Rank} of {ranks.Ranks} that were started together; leave it out, or start one process");
        }

        var devices = RankDevices.Parse(list, () => RankDevices.CountGpus(RunEnvironment.VisibleGpus()));
        var batch = globalBatch();
        devices.RequireShares(batch);
        if (least is { } fewest)
        {
            RequireFewer(devices, fewest, batch, restarts);
        }

        var path = RunEnvironment.SearchPath();
        return new RankStarter(process, devices, devices is { Gpus: null, Ranks: > 1 } ? MpiProgram.Find(RunEnvironment.MpiProgram(), path) : null)
        {
            Least = least,
            GlobalBatch = batch,
            SearchPath = path,
            MpiLibrary = RunEnvironment.MpiLibrary(),
        };
    }

    private static void RequireFewer(RankDevices devices, int least, int batch, int restarts)
    {
        if (restarts == 0)
        {
            throw new RecipeException($"{RanksMinName}: is for a run that is started again; say how often with {RestartsName}, or leave it out");
        }

        if (least < 1 || least >= devices.Ranks)
        {
            throw new RecipeException(
                $"{RanksMinName}: is {least}, must be from 1 to {devices.Ranks - 1}, fewer than the {devices.Ranks} of {RankDevices.Option}; " +
                "leave it out where the run must not go on without a rank");
        }

        if (devices.Without(0, least, batch) is null)
        {
            throw new RecipeException(
                $"{RanksMinName}: is {least}, and no number of ranks from {least} to {devices.Ranks - 1} shares a batch of {batch} images equally " +
                "(training.globalBatchSize); set a smaller one");
        }
    }

    private static Option<int> Restarts()
    {
        var option = new Option<int>(RestartsName)
        {
            Description = "Trains in a process of its own and starts it again, at most so often, when it dies: killed, crashed, failed " +
                "or hung (run.onHang: stop). Gives up when it dies three times without a new checkpoint",
            HelpName = "n",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var most) && most < 0)
            {
                result.AddError($"{RestartsName}: must be at least 0, is {text}");
            }
        });
        return option;
    }
}
