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

/// <summary><c>selfsup pretrain RECIPE</c>.</summary>
internal static class PretrainCommand
{
    public static Command Create()
    {
        var recipe = CommonOptions.Recipe();
        var run = new Option<string?>("--run")
        {
            Description = "The run directory (default: runs/NAME, NAME being the recipe's run.name or file name)",
            HelpName = "folder",
        };
        var set = CommonOptions.Set();
        var threads = CommonOptions.Threads();
        var allow = CommonOptions.AllowChange();
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "pretrain",
            "Trains a backbone as a recipe says. The same command again goes on where it stopped; Ctrl-C and SIGTERM finish the " +
            "step and write a checkpoint first, SIGUSR1 writes one and goes on. Example: selfsup pretrain recipes/quickstart.yaml --set training.epochs=2. " +
            "What a recipe can ask for is listed by selfsup methods")
        {
            recipe, run, set, threads, allow, assemblies,
        };
        var supervised = SupervisedRun.For(command);
        command.SetAction((parsed, _) =>
        {
            var path = parsed.GetRequiredValue(recipe);
            var directory = parsed.GetValue(run);
            var overrides = CommonOptions.Overrides(parsed.GetValue(set)!, parsed.GetValue(threads));
            var reader = CommonOptions.Reader(parsed.GetValue(assemblies));
            if (!supervised.IsAskedFor(parsed))
            {
                return Run(path, directory, overrides, parsed.GetValue(allow)!, reader);
            }

            var settings = reader.Read(path, RunEnvironment.Settings(), overrides); // libtorch is not needed for it
            return Task.FromResult(supervised.Run(
                parsed, ServiceCollectionExtensions.RunDirectoryOf(settings, directory), () => settings.Training.GlobalBatchSize));
        });
        return command;
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
        if (Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } && ranks.Rank == 0)
        {
            builder.Services.AddSelfSupTelemetry(recipe);
        }

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
