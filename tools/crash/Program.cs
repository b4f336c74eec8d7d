using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Tools.Crash;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var methods = new Option<string[]>("--methods")
{
    Description = "The methods, each killed by itself.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [.. MethodRecipe.Methods],
};
var kills = new Option<int>("--kills") { Description = "How often processes are killed, over all methods.", DefaultValueFactory = _ => 500 };
var killsPerRun = new Option<int>("--kills-per-run") { Description = "And in one run, before it is left to its end.", DefaultValueFactory = _ => 50 };
var seed = new Option<int>("--seed") { Description = "What chooses the moments.", DefaultValueFactory = _ => 1 };
var program = new Option<string>("--program")
{
    Description = "The program that is killed.",
    DefaultValueFactory = _ => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "SelfSup.Cli", "release", "selfsup")),
};
var images = new Option<string>("--images") { Description = "The folder of Fashion-MNIST.", DefaultValueFactory = _ => MethodRecipe.Images };
var json = new Option<string?>("--json") { Description = "A file for the report." };
var root = new RootCommand(
    "Kills training processes (SIGKILL) at random moments, also while a checkpoint is written, renamed or deleted, resumes each, and "
    + "compares the end with that of a run that was never killed. Example: dotnet run -c Release --project tools/crash -- --kills 500")
{
    methods, kills, killsPerRun, seed, program, images, json,
};
methods.AcceptOnlyFromAmong([.. MethodRecipe.Methods]);
root.SetAction(parsed =>
{
    var folder = Directory.CreateTempSubdirectory("selfsup-crash-").FullName;
    if (!Tracer.IsAllowed)
    {
        Console.Error.WriteLine("strace is not there or not allowed: no kills at the entry of rename, fsync and unlink");
    }

    var reports = new List<CrashReport>();
    var left = parsed.GetValue(kills);
    var names = parsed.GetValue(methods)!;
    for (var i = 0; i < names.Length; i++)
    {
        var share = left / (names.Length - i);
        left -= share;
        var report = new CrashRun(
            parsed.GetValue(program)!, folder, parsed.GetValue(images)!, parsed.GetValue(seed), parsed.GetValue(killsPerRun)).Kill(names[i], share);
        reports.Add(report);
        Console.WriteLine(
            $"{report.Method}: {report.AllKills} kills ({string.Join(", ", report.Kills.Select(k => $"{k.Key} {k.Value}"))}) in {report.Runs} runs; left half-written "
            + $"{report.HalfWritten}, not renamed {report.NotRenamed}, half-deleted {report.HalfDeleted}; steps done again {report.LostSteps}, checkpoints lost "
            + $"{report.LostCheckpoints}; {(report.Differences.Count == 0 ? "the end is the same, bit for bit" : string.Join("; ", report.Differences))}");
    }

    Console.WriteLine(
        $"{reports.Sum(r => r.AllKills)} kills, {reports.Sum(r => r.LostSteps)} steps done again, {reports.Sum(r => r.LostCheckpoints)} checkpoints lost, "
        + $"{reports.Count(r => r.Differences.Count > 0)} of {reports.Count} methods with another end");
    if (parsed.GetValue(json) is { } file)
    {
        File.WriteAllText(file, JsonSerializer.Serialize(reports, CheckpointManifest.Json));
    }

    var good = reports.TrueForAll(report => report.IsGood);
    if (good)
    {
        Directory.Delete(folder, recursive: true);
    }
    else
    {
        Console.Error.WriteLine($"the runs are kept in {folder}");
    }

    return good ? 0 : 1;
});
return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
