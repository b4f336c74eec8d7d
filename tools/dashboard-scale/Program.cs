using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

using SelfSup.Tools.DashboardScale;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var folder = new Option<string>("--folder") { Description = "Where the runs are made, and kept with --keep.", DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "selfsup-dashboard-scale") };
var runs = new Option<int>("--runs") { Description = "How many runs.", DefaultValueFactory = _ => 200 };
var steps = new Option<int>("--steps") { Description = "Steps of each.", DefaultValueFactory = _ => 100_000 };
var keep = new Option<bool>("--keep") { Description = "Keeps the runs for another time." };
var program = new Option<string>("--program")
{
    Description = "The program.",
    DefaultValueFactory = _ => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "SelfSup.Cli", "release", "selfsup")),
};
var root = new RootCommand(
    "Makes many long runs and measures how long the dashboard takes from its start to the list of them, and what memory it takes then, after "
    + "20 runs were opened and after 8 were compared. Example: dotnet run -c Release --project tools/dashboard-scale")
{
    folder, runs, steps, keep, program,
};
root.SetAction(async (parsed, cancellationToken) =>
{
    var path = parsed.GetValue(folder)!;
    MadeUpRuns.Make(path, parsed.GetValue(runs), parsed.GetValue(steps));
    Console.WriteLine($"{parsed.GetValue(runs)} runs of {parsed.GetValue(steps)} steps, {MadeUpRuns.Bytes(path) >> 20} MB");
    try
    {
        await Measure(parsed.GetValue(program)!, path, cancellationToken);
    }
    finally
    {
        if (!parsed.GetValue(keep))
        {
            Directory.Delete(path, recursive: true);
        }
    }
});
return await root.Parse(args).InvokeAsync();

static async Task Measure(string program, string path, CancellationToken cancellationToken)
{
    var watch = Stopwatch.StartNew();
    using var process = Process.Start(new ProcessStartInfo(program, ["dashboard", path, "--port", "0"]) { RedirectStandardOutput = true })!;
    try
    {
        var said = await process.StandardOutput.ReadLineAsync(cancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(said!.Split(' ')[1]) };
        Say($"listens after {watch.Elapsed.TotalSeconds:0.00} s");
        var list = JsonDocument.Parse(await client.GetStringAsync("/api/runs", cancellationToken)).RootElement.GetProperty("runs");
        Say($"list of {list.GetArrayLength()} after {watch.Elapsed.TotalSeconds:0.00} s");
        string[] ids = [.. list.EnumerateArray().Select(run => run.GetProperty("id").GetString()!).Order()];

        await Task.Delay(1500, cancellationToken);
        watch.Restart();
        await client.GetStringAsync("/api/runs", cancellationToken);
        Say($"list again in {watch.Elapsed.TotalSeconds:0.00} s");

        watch.Restart();
        await Open(ids[0], 4000);
        Say($"one run opened in {watch.Elapsed.TotalSeconds:0.00} s");
        watch.Restart();
        foreach (var id in ids.Skip(1).Take(19))
        {
            await Open(id, 4000);
        }

        Say($"19 more, {watch.Elapsed.TotalSeconds / 19:0.00} s each");
        watch.Restart();
        await client.GetStringAsync($"/api/comparison?{string.Join('&', ids.TakeLast(8).Select(id => $"id={id}"))}", cancellationToken);
        await Task.WhenAll(ids.TakeLast(8).Select(id => Open(id, 2000)));
        Say($"8 compared in {watch.Elapsed.TotalSeconds:0.00} s");

        async Task Open(string id, int points)
        {
            await client.GetStringAsync($"/api/run?id={id}", cancellationToken);
            await client.GetStringAsync($"/api/series?id={id}&points={points}", cancellationToken);
        }

        void Say(string what)
        {
            var memory = File.ReadLines($"/proc/{process.Id}/status").Where(line => line.StartsWith("VmRSS", StringComparison.Ordinal) || line.StartsWith("VmHWM", StringComparison.Ordinal))
                .ToDictionary(line => line[..5], line => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) >> 10);
            Console.WriteLine($"{what}; {memory["VmRSS"]} MB resident, {memory["VmHWM"]} at most");
        }
    }
    finally
    {
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None);
    }
}
