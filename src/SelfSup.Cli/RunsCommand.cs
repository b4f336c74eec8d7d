using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Reports;
using SelfSup.Runs;
using SelfSup.Training;

namespace SelfSup.Cli;

/// <summary><c>selfsup runs</c>: how runs stand, and whether their checkpoints are whole.</summary>
internal static class RunsCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder")
        {
            Description = "The folder of runs, or a run",
            DefaultValueFactory = _ => "runs",
        };
        var json = Json();
        var command = new Command(
            "runs",
            "Lists runs: running, finished, interrupted or failed, with step, loss, kNN or what else judges them, age and size. Example: selfsup runs")
        {
            folder, json, Verify(),
        };
        command.SetAction(parsed => List(parsed.GetRequiredValue(folder), parsed.GetValue(json)));
        return command;
    }

    private static Command Verify()
    {
        var run = new Argument<string>("run") { Description = "The run directory" };
        var json = Json();
        var command = new Command(
            "verify",
            "Reads every checkpoint of a run from the disk and compares it with its checksums; the exit code is 4 where one is damaged. " +
            "Example: selfsup runs verify runs/quickstart")
        {
            run, json,
        };
        command.SetAction(parsed => Verify(parsed.GetRequiredValue(run), parsed.GetValue(json)));
        return command;
    }

    private static Option<bool> Json() => new("--json") { Description = "Prints JSON" };

    private static int List(string folder, bool json)
    {
        if (!Directory.Exists(folder))
        {
            throw new RecipeException($"{folder}: there is no such folder; name the folder of your runs");
        }

        var now = TimeProvider.System.GetUtcNow();
        RunSummary[] runs = RunSummary.IsRun(folder)
            ? [RunSummary.Read(folder, now)]
            : [.. Directory.EnumerateDirectories(folder).Where(RunSummary.IsRun)
                .Select(run => RunSummary.Read(run, now)).OrderByDescending(run => run.LastSign)];
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(
                runs.Select(run => new
                {
                    run.Name,
                    run.Path,
                    State = run.State.ToString().ToLowerInvariant(),
                    run.Reason,
                    run.Step,
                    TotalSteps = run.TotalSteps == 0 ? null : (long?)run.TotalSteps,
                    run.Epoch,
                    run.Loss,
                    Knn = run.Evaluation.TryGetValue("knn", out var knn) ? (double?)knn : null,
                    run.Evaluation,
                    run.Began,
                    run.LastSign,
                    run.Bytes,
                }),
                CheckpointManifest.Json));
            return ExitCodes.Success;
        }

        if (runs.Length == 0)
        {
            Console.WriteLine($"{folder}: there is no run in it");
            return ExitCodes.Success;
        }

        TextTable.Print(
            ["run", "state", "step", "epoch", "loss", "judged", "began", "last sign", "size", "why"],
            runs.Select(run => new[]
            {
                run.Name,
                State(run),
                run.TotalSteps == 0 ? Number(run.Step, "0") : $"{run.Step} of {run.TotalSteps}",
                Number(run.Epoch, "0.##"),
                Number(run.Loss, "0.0000"),
                MeasureNames.First(run.Evaluation.Keys) is { } measure
                    ? $"{MeasureNames.Of(measure)} {Number(run.Evaluation[measure], "0.00 %")}"
                    : "-",
                $"{TerminalProgress.Time(now - run.Began)} ago",
                $"{TerminalProgress.Time(now - run.LastSign)} ago",
                Sizes.Bytes(run.Bytes),
                run.Reason ?? "",
            }),
            foldsLast: false);
        return ExitCodes.Success;
    }

    private static string State(RunSummary run) => run.State == RunStanding.Interrupted
        ? string.Create(CultureInfo.InvariantCulture, $"interrupted at step {run.Step}")
        : run.State.ToString().ToLowerInvariant();

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static int Verify(string run, bool json)
    {
        if (!RunSummary.IsRun(run))
        {
            throw new RecipeException($"{run}: is not a run directory (there is no recipe.yaml); name one, such as runs/quickstart");
        }

        var store = RunDirectory.CheckpointsOf(run);
        var checks = store.Paths.Select(Check).ToArray();
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(checks, CheckpointManifest.Json));
        }
        else if (checks.Length == 0)
        {
            Console.WriteLine($"{run}: there is no checkpoint yet");
        }
        else
        {
            TextTable.Print(
                ["checkpoint", "state", "epoch", "written", "size", "why"],
                checks.Select(check => new[]
                {
                    check.Name,
                    check.Damage is null ? "whole" : "damaged",
                    Number(check.Epoch, "0.##"),
                    check.Written?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture) ?? "-",
                    check.Bytes is { } bytes ? Sizes.Bytes(bytes) : "-",
                    check.Damage ?? "",
                }),
                foldsLast: false);
        }

        foreach (var unfinished in store.Unfinished)
        {
            ErrorReport.Warn($"{unfinished}: half-written, by a process that was killed or is at it; a resumed run removes it");
        }

        var damaged = checks.Count(check => check.Damage is not null);
        return damaged == 0
            ? ExitCodes.Success
            : throw new CheckpointException(
                $"{run}: {damaged} of {checks.Length} checkpoints are damaged; a resumed run uses the newest that is whole");
    }

    private static CheckpointCheck Check(string path)
    {
        var name = Path.GetFileName(path);
        try
        {
            var manifest = CheckpointStore.Verify(path);
            return new CheckpointCheck(name, manifest.Step, manifest.Epoch, manifest.Written, manifest.Files.Sum(file => file.Bytes), null);
        }
        catch (CheckpointException e)
        {
            return new CheckpointCheck(name, CheckpointName.Parse(path)?.Step, null, null, null, e.Message);
        }
    }

    /// <summary>What is found of a checkpoint.</summary>
    private sealed record CheckpointCheck(string Name, long? Step, double? Epoch, DateTimeOffset? Written, long? Bytes, string? Damage);
}
