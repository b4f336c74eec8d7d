using System.CommandLine;
using System.Diagnostics.Metrics;
using System.Text.Json;

using Microsoft.Extensions.DependencyInjection;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Cli;

/// <summary><c>selfsup profile RECIPE</c>.</summary>
internal static class ProfileCommand
{
    private const int MostSteps = 1_000_000;

    public static Command Create()
    {
        var recipe = CommonOptions.Recipe();
        var steps = new Option<int>("--steps") { Description = "Steps that are measured", DefaultValueFactory = _ => 50, HelpName = "n" };
        var warmUp = new Option<int>("--warm-up")
        {
            Description = "Steps before them that are left out: code is compiled, threads are started, caches are filled",
            DefaultValueFactory = _ => 10,
            HelpName = "n",
        };
        var json = new Option<string?>("--json") { Description = "Writes everything that was measured into a JSON file as well", HelpName = "file" };
        var set = CommonOptions.Set();
        var threads = CommonOptions.Threads();
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "profile",
            "Takes the first steps of a recipe, one evaluation and one checkpoint, and says where time and memory go. Leaves " +
            "nothing behind. On a GPU every part is waited for, so that a step takes a little longer than in training. Without " +
            "evaluation: --set evaluation.test=. Under mpirun, srun or torchrun all ranks are profiled, and the steps taken twice: with " +
            "gradients averaged beside the backward pass, and behind it. Example: selfsup profile recipes/quickstart.yaml --steps 50 --json profile.json")
        {
            recipe, steps, warmUp, json, set, threads, assemblies,
        };
        command.SetAction((parsed, _) => Task.FromResult(Profile(
            parsed.GetRequiredValue(recipe),
            CommonOptions.Overrides(parsed.GetValue(set)!, parsed.GetValue(threads)),
            CommonOptions.Reader(parsed.GetValue(assemblies)),
            parsed.GetValue(steps),
            parsed.GetValue(warmUp),
            parsed.GetValue(json))));
        return command;
    }

    private static int Profile(string recipePath, string[] overrides, RecipeReader reader, int steps, int warmUp, string? json)
    {
        Require("--steps", steps);
        Require("--warm-up", warmUp);
        CommonOptions.RequireFolder("--json", json);
        var recipe = reader.Read(recipePath, RunEnvironment.Settings(), overrides);
        var place = RunEnvironment.Ranks();
        RunEnvironment.LoadTorch();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var signal = new SignalToken();
        var options = new ProfileOptions(steps, warmUp, Path.GetFullPath("runs"));
        RunProfile? profile;
        try
        {
            using var progress = new ProfileProgress(options, isShown: place.Ranks == 1);
            profile = RunProfiler.Run(
                recipe,
                reader,
                options,
                progress,
                new TrainingMetrics(services.GetRequiredService<IMeterFactory>()),
                TimeProvider.System,
                signal.Token,
                RunEnvironment.Join(place, RunEnvironment.Gpu(place, Devices.Find(recipe.Training.Device))));
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("selfsup: stopped before all steps were measured; nothing is printed");
            return signal.ExitCode;
        }

        if (profile is null)
        {
            return ExitCodes.Success; // the first rank prints
        }

        ProfilePrinter.Print(profile);
        if (json is not null)
        {
            CommonOptions.Write("--json", json, stream => JsonSerializer.Serialize(stream, profile, CheckpointManifest.Json));
        }

        return ExitCodes.Success;
    }

    private static void Require(string flag, int value)
    {
        if (value is < 1 or > MostSteps)
        {
            throw new RecipeException($"{flag}: must be from 1 to {MostSteps}, is {value}");
        }
    }
}
