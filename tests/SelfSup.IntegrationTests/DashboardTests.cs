using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

using SelfSup.Dashboard;
using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>What the dashboard tells of runs that are being written.</summary>
public sealed class DashboardTests : IAsyncLifetime, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("selfsup-dashboard-").FullName;
    private readonly HttpClient _client = new();
    private readonly List<Exception> _failed = [];
    private readonly LaterTime _time = new();
    private DashboardServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await DashboardServer.Start(new DashboardOptions(_folder) { Port = 0 }, _time, _failed.Add, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(_failed);
    }

    public void Dispose()
    {
        _client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task RunsAreListedAsTheyStandAndNothingOfThemChanges()
    {
        new MadeUpRun(Path.Combine(_folder, "running")).Step(250).Happened("lossSpiked", "the loss jumped to 9");
        new MadeUpRun(Path.Combine(_folder, "group", "deeper", "stopped"), "moCo", isRunning: false).Step(120).Happened("failed", "the loss is NaN");
        var plain = new MadeUpRun(Path.Combine(_folder, "finished"), isRunning: false).Step(1000);
        File.WriteAllText(Path.Combine(plain.Folder, "result.json"), "{\"knn\":0.5,\"imagesPerSecond\":123.5}");
        Directory.CreateDirectory(Path.Combine(_folder, "no run"));
        var before = Files();

        var runs = (await Get("/api/runs")).GetProperty("runs").EnumerateArray().ToDictionary(run => run.GetProperty("id").GetString()!);
        Assert.Equal(["finished", "group/deeper/stopped", "running"], runs.Keys.Order());
        var running = runs["running"];
        Assert.Equal("running", running.GetProperty("state").GetString());
        Assert.Equal("process 7 on another-machine", running.GetProperty("reason").GetString());
        Assert.Equal((250, 1000), (running.GetProperty("step").GetInt32(), running.GetProperty("totalSteps").GetInt32()));
        Assert.Equal(MadeUpRun.Loss(250), running.GetProperty("loss").GetDouble());
        Assert.Equal(("kNN", 0.3 + (200 * 0.0002)), (running.GetProperty("measure").GetString(), running.GetProperty("judged").GetDouble()));
        // 750 steps of a quarter second and eight evaluations of two seconds are left; an epoch's end that comes at the last step is one.
        Assert.Equal((256, (750 * 0.25) + (8 * 2)), (running.GetProperty("imagesPerSecond").GetDouble(), running.GetProperty("remainingSeconds").GetDouble()));
        Assert.Equal("spiked", Assert.Single(running.GetProperty("warnings").EnumerateArray()).GetProperty("kind").GetString());
        var stopped = runs["group/deeper/stopped"];
        Assert.Equal(("failed", "the loss is NaN"), (stopped.GetProperty("state").GetString(), stopped.GetProperty("reason").GetString()));
        Assert.All(["remainingSeconds", "imagesPerSecond"], key => Assert.Equal(JsonValueKind.Null, stopped.GetProperty(key).ValueKind));
        Assert.Equal(("finished", 123.5), (runs["finished"].GetProperty("state").GetString(), runs["finished"].GetProperty("imagesPerSecond").GetDouble()));

        var details = await Get("/api/run?id=group%2Fdeeper%2Fstopped");
        Assert.Contains(details.GetProperty("settings").EnumerateArray(), setting => setting[0].GetString() == "method.name" && setting[1].GetString() == "moCo");
        Assert.Equal(["started", "failed"], details.GetProperty("history").EnumerateArray().Select(happened => happened.GetProperty("event").GetString()));
        var difference = (await Get("/api/comparison?id=running&id=group%2Fdeeper%2Fstopped")).GetProperty("differences").EnumerateArray().Last();
        Assert.Equal("method.name", difference.GetProperty("key").GetString());
        Assert.Equal(["simclr", "moCo"], difference.GetProperty("values").EnumerateArray().Select(value => value.GetString()));
        Assert.Equal(before, Files());
    }

    [Fact]
    public async Task OnlyWhatIsNewIsSent()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run")).Step(300);
        var first = await Get("/api/series?id=run");
        Assert.True(first.GetProperty("whole").GetBoolean());
        AssertLoss(first, 1, 300);
        Assert.Equal(30, Count(first, "embeddings.alignment"));
        Assert.Equal(3, Count(first, "evaluation.knn"));

        run.Step(7);
        var news = await Get($"/api/series?id=run&from={first.GetProperty("next")}");
        Assert.False(news.GetProperty("whole").GetBoolean());
        AssertLoss(news, 301, 307);
        var none = await Get($"/api/series?id=run&from={news.GetProperty("next")}");
        Assert.Empty(none.GetProperty("series").EnumerateObject());
        Assert.Equal(news.GetProperty("next").GetString(), none.GetProperty("next").GetString());

        // Resumed from step 200, and already beyond where it was: all is told anew.
        run.Back(200).Step(150);
        File.WriteAllText(run.Metrics, File.ReadAllText(run.Metrics).Replace("\"gradientNorm\":1.1", "\"gradientNorm\":1.15", StringComparison.Ordinal));
        var anew = await Get($"/api/series?id=run&from={news.GetProperty("next")}");
        Assert.True(anew.GetProperty("whole").GetBoolean());
        AssertLoss(anew, 1, 350);
        AssertLoss(await Get("/api/series?id=run"), 1, 350);
    }

    [Fact]
    public async Task ALongCurveIsSentInFewPointsWithItsExtremes()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run"));
        run.Step(3000);
        File.AppendAllText(run.Metrics, "{\"step\":3001,\"epoch\":30.01,\"loss\":\"NaN\"}\n{\"step\":3002,\"epoch\":30.02,\"loss\":77}\n");
        run.Step(3000);
        var few = await Get("/api/series?id=run&points=200");
        var loss = few.GetProperty("series").GetProperty("loss");
        var (x, y) = (loss.GetProperty("x"), loss.GetProperty("y"));
        Assert.InRange(x.GetArrayLength(), 100, 200);
        Assert.Equal(x.GetArrayLength(), y.GetArrayLength());
        Assert.Equal(77, y.EnumerateArray().Where(value => value.ValueKind == JsonValueKind.Number).Max(value => value.GetDouble()));
        Assert.Equal(6000, x[x.GetArrayLength() - 1].GetInt32());
        Assert.Single(y.EnumerateArray(), value => value.ValueKind == JsonValueKind.Null);
        Assert.Equal((float)MadeUpRun.Loss(6000), y[y.GetArrayLength() - 1].GetSingle());
    }

    [Fact]
    public async Task ARunThatFallsSilentIsSaidToWhateverTheDisksClockSays()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run")).Step(30);
        // Of a machine whose clock is a day behind.
        File.SetLastWriteTimeUtc(run.Metrics, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1));
        Assert.Equal("running", await State());
        run.Step(5);
        File.SetLastWriteTimeUtc(run.Metrics, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1));
        foreach (var file in Directory.EnumerateFiles(run.Folder))
        {
            File.SetLastWriteTimeUtc(file, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1));
        }

        Assert.Equal("running", await State());
        _time.Pass(TimeSpan.FromMinutes(4));
        Assert.Equal("running", await State());
        _time.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal("silent", await State());
        run.Step(1);
        Assert.Equal("running", await State());

        async Task<string> State() => (await Get("/api/runs")).GetProperty("runs").EnumerateArray().Single().GetProperty("state").GetString()!;
    }

    /// <summary>It says to have been written tomorrow, and is not.</summary>
    [Fact]
    public async Task ARunOfAMachineWhoseClockIsAheadFallsSilentToo()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run")).Step(30);
        foreach (var file in Directory.EnumerateFiles(run.Folder))
        {
            File.SetLastWriteTimeUtc(file, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(1));
        }

        Assert.Equal("running", await State());
        _time.Pass(TimeSpan.FromMinutes(4));
        Assert.Equal("running", await State());
        _time.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal("silent", await State());

        async Task<string> State() => (await Get("/api/runs")).GetProperty("runs").EnumerateArray().Single().GetProperty("state").GetString()!;
    }

    /// <summary>Whoever asks from a place that is gone, or for most of a file, is told all from what is kept.</summary>
    [Fact]
    public async Task APlaceFarBackIsToldFromWhatIsKept()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run")).Step(20);
        var early = (await Get("/api/series?id=run")).GetProperty("next").GetString();
        Assert.True((await Get("/api/series?id=run&from=1-0")).GetProperty("whole").GetBoolean());
        Assert.False((await Get($"/api/series?id=run&from={early}")).GetProperty("whole").GetBoolean());
        run.Step(25_000); // over 4 MB
        var all = await Get($"/api/series?id=run&from={early}");
        Assert.True(all.GetProperty("whole").GetBoolean());
        Assert.Equal(1, all.GetProperty("series").GetProperty("loss").GetProperty("x")[0].GetInt32());
    }

    [Fact]
    public async Task TheEndOfALogIsShown()
    {
        var run = new MadeUpRun(Path.Combine(_folder, "run")).Step(3);
        Assert.Equal(JsonValueKind.Null, (await Get("/api/run?id=run")).GetProperty("log").ValueKind);
        File.WriteAllLines(Path.Combine(run.Folder, "train.log"), Enumerable.Range(0, 5000).Select(i => $"line {i} <b>é</b>"));
        var log = (await Get("/api/run?id=run")).GetProperty("log");
        Assert.Equal("train.log", log.GetProperty("name").GetString());
        var lines = log.GetProperty("text").GetString()!.TrimEnd().Split('\n');
        Assert.Equal("line 4999 <b>é</b>", lines[^1]);
        Assert.StartsWith("line ", lines[0], StringComparison.Ordinal);
        Assert.InRange(lines.Length, 500, 1000);
    }

    [Fact]
    public async Task TheProgramServesUntilItIsTold()
    {
        new MadeUpRun(Path.Combine(_folder, "run")).Step(3);
        using var process = SelfSupProcess.Start(_folder, "dashboard", ".", "--port", "0");
        var address = process.WaitForOutput("http://127.0.0.1:").Trim().Split(' ')[^1];
        Assert.Contains("\"id\":\"run\"", await _client.GetStringAsync(new Uri(new Uri(address), "/api/runs"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        process.Signal("TERM");
        Assert.Equal(143, process.Wait().ExitCode);

        using var open = SelfSupProcess.Start(_folder, "dashboard", ".", "--port", "0", "--host", "0.0.0.0");
        var token = new Uri(open.WaitForOutput("TLS").Split('\n')[0].Split(' ')[^1]);
        Assert.Matches("^\\?token=[0-9a-f]{48}$", token.Query);
        open.Signal("INT");
        Assert.Equal(130, open.Wait().ExitCode);
        SelfSupProcess.Run(_folder, "dashboard", "none").IsOneLine(2, "none: there is no such folder");
    }

    private static int Count(JsonElement answer, string name) => answer.GetProperty("series").GetProperty(name).GetProperty("x").GetArrayLength();

    private static void AssertLoss(JsonElement answer, int first, int last)
    {
        var loss = answer.GetProperty("series").GetProperty("loss");
        Assert.Equal(Enumerable.Range(first, last - first + 1), loss.GetProperty("x").EnumerateArray().Select(step => step.GetInt32()));
        Assert.Equal(
            Enumerable.Range(first, last - first + 1).Select(step => (float)MadeUpRun.Loss(step)),
            loss.GetProperty("y").EnumerateArray().Select(value => value.GetSingle()));
    }

    private async Task<JsonElement> Get(string path)
    {
        _time.Pass(TimeSpan.FromSeconds(2)); // within a second it is not looked again
        return await _client.GetFromJsonAsync<JsonElement>(new Uri(_server.Address, path), TestContext.Current.CancellationToken);
    }

    private string[] Files() => [.. new DirectoryInfo(_folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
        .Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.FullName} {entry.LastWriteTimeUtc.Ticks} {(entry as FileInfo)?.Length}")).Order()];

    /// <summary>A clock that goes on, and can be put forward.</summary>
    private sealed class LaterTime : TimeProvider
    {
        private TimeSpan _later;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _later;

        public override long GetTimestamp() => base.GetTimestamp() + (long)(_later.TotalSeconds * TimestampFrequency);

        public void Pass(TimeSpan time) => _later += time;
    }
}
