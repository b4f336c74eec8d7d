namespace SelfSup.IntegrationTests.Support;

/// <summary>A run, a copy of it that went through more, and reports of one and of both, made once for all tests of a class.</summary>
public sealed class ReportedRuns : IDisposable
{
    /// <summary>What the copy is called.</summary>
    public const string Hostile = "<script>alert(1)<&script>";

    private readonly Workspace _workspace = new();

    public ReportedRuns()
    {
        _workspace.Pretrain("run").Succeeds();
        Copy(_workspace["run"], _workspace[Hostile]);
        File.WriteAllText(_workspace[Hostile, "recipe.yaml"], File.ReadAllText(_workspace["run", "recipe.yaml"]).Replace("temperature: 0.2", "temperature: 0.3", StringComparison.Ordinal));
        File.AppendAllText(
            _workspace[Hostile, "history.jsonl"],
            "{\"event\":\"restarted\",\"at\":\"2026-11-26T04:33:43+00:00\",\"step\":5,\"message\":\"</td><img src=x onerror=alert(2)>\"}\n");
        One = Report("one.html", "run");
        Both = Report("both.html", "run", Hostile);
    }

    /// <summary>The page of the run.</summary>
    internal string One { get; }

    /// <summary>The page of both.</summary>
    internal string Both { get; }

    /// <summary>Where the runs are.</summary>
    internal Workspace Workspace => _workspace;

    public void Dispose() => _workspace.Dispose();

    private string Report(string page, params string[] runs)
    {
        var outcome = _workspace.Run(["report", .. runs, "--out", page, "--rows", "3", "--threads", "1"]).Succeeds();
        Assert.Contains($"{page}: {(runs.Length == 1 ? "1 run" : "2 runs")}, ", outcome.Output, StringComparison.Ordinal);
        return _workspace[page];
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
