using System.CommandLine;
using System.Runtime.InteropServices;

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using SelfSup.Distributed;
using SelfSup.Hosting;
using SelfSup.Hosting.Supervision;
using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Cli;

/// <summary>What the verbs that train by a recipe have in common.</summary>
internal sealed class TrainingVerb
{
    private readonly Argument<string> _recipe = CommonOptions.Recipe();

    private readonly Option<string?> _run = new("--run")
    {
        Description = "The run directory (default: runs/NAME, NAME being the recipe's run.name or file name)",
        HelpName = "folder",
    };

    private readonly Option<string[]> _set = CommonOptions.Set();

    private readonly Option<int?> _threads = CommonOptions.Threads();

    private readonly Option<string[]> _allow = CommonOptions.AllowChange();

    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();

    private readonly SupervisedRun _supervised;

    private TrainingVerb(Command command)
    {
        command.Add(_recipe);
        foreach (var option in new Option[] { _run, _set, _threads, _allow, _assemblies })
        {
            command.Add(option);
        }

        _supervised = SupervisedRun.For(command);
    }

    /// <summary>Adds arguments and options to a verb.</summary>
    public static TrainingVerb For(Command command) => new(command);

    /// <summary>Trains as the command line says.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="settings">Settings that the verb's own options replace.</param>
    /// <param name="require">Looks at the recipe before anything runs, or null.</param>
    /// <returns>The exit code.</returns>
    public Task<int> Run(ParseResult parsed, IReadOnlyList<string> settings, Action<Recipe>? require = null)
    {
        var path = parsed.GetRequiredValue(_recipe);
        var directory = parsed.GetValue(_run);
        string[] overrides = [.. settings, .. CommonOptions.Overrides(parsed.GetValue(_set)!, parsed.GetValue(_threads))];
        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        var supervised = _supervised.IsAskedFor(parsed);
        if (!supervised && require is null)
        {
            return Run(path, directory, overrides, parsed.GetValue(_allow)!, reader);
        }

        var recipe = reader.Read(path, RunEnvironment.Settings(), overrides); // libtorch is not needed for it
        require?.Invoke(recipe);
        return supervised
            ? Task.FromResult(_supervised.Run(
                parsed, ServiceCollectionExtensions.RunDirectoryOf(recipe, directory), () => recipe.Training.GlobalBatchSize))
            : Run(path, directory, overrides, parsed.GetValue(_allow)!, reader);
    }

    /// <summary>Trains, and says how it ended.</summary>
    /// <param name="recipePath">The recipe.</param>
    /// <param name="runDirectory">The run directory, or null for the default.</param>
    /// <param name="overrides">Settings that replace those of the recipe.</param>
    /// <param name="allowedChanges">Settings that may differ from those the run was started with.</param>
    /// <param name="reader">The catalogues.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> Run(
        string recipePath, string? runDirectory, IReadOnlyList<string> overrides, IReadOnlyList<string> allowedChanges, RecipeReader reader)
    {
        var ranks = RunEnvironment.Ranks();
        using var output = RankOutput.Use(ranks);
        try
        {
            return await Run(ranks, output, recipePath, runDirectory, overrides, allowedChanges, reader);
        }
        catch (Exception e) when (ranks.Rank > 0)
        {
            return output.Report(e, began: false);
        }
    }

    private static async Task<int> Run(
        RankEnvironment ranks,
        RankOutput output,
        string recipePath,
        string? runDirectory,
        IReadOnlyList<string> overrides,
        IReadOnlyList<string> allowedChanges,
        RecipeReader reader)
    {
        var (outcome, request) = (new RunOutcome(), new CheckpointRequest());
        using var signals = new RunSignals(outcome, request);
        SupervisorLink.Listen(ranks, signals, ErrorReport.Warn);
        var recipe = reader.Read(recipePath, RunEnvironment.Settings(), overrides);
        RunEnvironment.LoadTorch();
        if (signals.Stopping.IsCancellationRequested)
        {
            return Stopped(outcome);
        }

        var directory = ServiceCollectionExtensions.RunDirectoryOf(recipe, runDirectory);
        output.Open(directory);
        using var terminal = output.Progress();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders();
        builder.Services.AddSelfSup(
            recipe, reader, directory, allowedChanges, terminal, outcome, request, signals, new ProgramHangResponse(terminal), ranks);
        var telemetry = OpenTelemetrySettings.Of(recipe.Telemetry, RunEnvironment.Telemetry(), ranks.LocalRank);
        var resource = OpenTelemetryExtensions.Resource(recipe, directory, ranks.Rank, telemetry.Variables);
        foreach (var warning in telemetry.Warnings)
        {
            ErrorReport.Warn(warning);
        }

        if (telemetry.UsesOtlp)
        {
            builder.AddSelfSupTelemetry(telemetry, resource);
        }

        using (PrometheusEndpoint.Open(telemetry.Prometheus, resource, ErrorReport.Warn))
        using (var host = builder.Build())
        {
            await host.RunAsync();
        }

        terminal.End();
        if (outcome.Error is { } error)
        {
            return output.Report(error, outcome.Joined);
        }

        if (!outcome.Finished)
        {
            return Stopped(outcome);
        }

        if (ranks.Rank == 0)
        {
            terminal.Finished(directory, outcome.Result);
        }

        return ExitCodes.Success;
    }

    private static int Stopped(RunOutcome outcome)
    {
        var where = outcome.Began ? $"at step {outcome.Step} with a checkpoint" : "before it began";
        Console.Error.WriteLine($"selfsup: stopped {where}; resume with the same command");
        return outcome.Signal == PosixSignal.SIGINT ? ExitCodes.Interrupted : ExitCodes.Terminated;
    }
}
