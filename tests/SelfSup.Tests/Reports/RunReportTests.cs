using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Reports;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Reports;

public sealed partial class RunReportTests : IDisposable
{
    private const string Hostile = "<script>alert(1)</script>\"'&";
    private const int Steps = 40;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatARunSaysIsOnlyText()
    {
        Write("run", Hostile);
        var page = Report(["run"]);
        Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.Equal(Hostile, Curves(page)[0].GetProperty("series").EnumerateObject().Single(curve => curve.Name.Contains("alert", StringComparison.Ordinal)).Name["method.".Length..]);
        // Every element of script is one of ours.
        Assert.Equal(4, Scripts().Count(page));
        Assert.Contains("Copyright (c) 2022 Leon Sorokin", page, StringComparison.Ordinal);
    }

    /// <summary>The policy lets run what is in the page and nothing else.</summary>
    [Fact]
    public void ThePolicyHasTheHashesOfThePage()
    {
        Write("run");
        var page = Report(["run"]);
        var policy = Policy().Match(page).Groups[1].Value;
        Assert.StartsWith("default-src 'none'; img-src data:; ", policy, StringComparison.Ordinal);
        Assert.Contains($"script-src '{Hash(page, "<script>", "</script>")}'", policy, StringComparison.Ordinal);
        Assert.Contains($"style-src '{Hash(page, "<style>", "</style>")}'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain(" style=", page.Split("<script>")[0], StringComparison.Ordinal);
        Assert.DoesNotContain("http", page.Split("<script type=")[0].Split("</style>")[1], StringComparison.Ordinal);
    }

    [Fact]
    public void CurvesHaveTheRunsValues()
    {
        Write("one");
        Write("two", temperature: "0.25");
        var page = Report(["one", "two"]);
        var curves = Curves(page);
        Assert.Equal(["one", "two"], curves.Select(run => run.GetProperty("name").GetString()));
        var loss = curves[1].GetProperty("series").GetProperty("loss");
        Assert.Equal(Enumerable.Range(1, Steps), loss.GetProperty("x").EnumerateArray().Select(step => step.GetInt32()));
        Assert.Equal(Loss(Steps), loss.GetProperty("y")[Steps - 1].GetDouble(), 1e-4);
        Assert.Equal(2, curves[0].GetProperty("series").GetProperty("evaluation.knn").GetProperty("x").GetArrayLength());
        Assert.Contains("<code>method.temperature</code></th><td>0.5</td><td>0.25</td>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<code>training.epochs</code>", page, StringComparison.Ordinal);
        Assert.Contains("kNN, untrained</th><td class=\"number\">31.0 %</td>", page, StringComparison.Ordinal);
    }

    /// <summary>A run without checkpoint or images, and one that has not begun to write: sections say why they are empty.</summary>
    [Fact]
    public void WhatIsMissingIsSaidInItsSection()
    {
        Write("run");
        var page = Report(["run"], network: true);
        Assert.Contains("nowhere: there is no such file or folder", page, StringComparison.Ordinal);
        Assert.Equal(4, Missing().Count(page));
        Assert.Contains("has no checkpoint yet", page, StringComparison.Ordinal);

        _folder.Write("young/recipe.yaml", Recipe("0.5"));
        page = Report(["young"]);
        Assert.Contains("no step has been written down yet", page, StringComparison.Ordinal);
        Assert.Contains("Nothing has been written down (history.jsonl)", page, StringComparison.Ordinal);
        Assert.Contains("Left out, as it was asked for.", page, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoRunIsRefused()
    {
        var reader = new RecipeReader();
        _folder.Write("empty/x");
        _folder.Write("broken/recipe.yaml", "method: [");
        Assert.Contains("does not exist", Refusal("nothing"), StringComparison.Ordinal);
        Assert.Contains("is not a run directory", Refusal("empty"), StringComparison.Ordinal);
        Assert.Contains("name a run directory", Refusal("empty/x"), StringComparison.Ordinal);
        Assert.Contains("not well-formed YAML", Refusal("broken"), StringComparison.Ordinal);
        Write("run");
        _folder.Write("run/checkpoints/step-00000040/manifest.json");
        Assert.EndsWith($"is a checkpoint, a report is of a run; name {_folder.File("run")}", Refusal("run/checkpoints/step-00000040"), StringComparison.Ordinal);

        string Refusal(string folder) => Assert.Throws<RecipeException>(() => RunReport.RecipeOf(_folder.File(folder), reader, [])).Message;
    }

    [Fact]
    public void EventsOfTheHistoryAreTold()
    {
        Write("run");
        var page = Report(["run"]);
        Assert.Contains("Step skipped</th><td class=\"number\">7</td>", page, StringComparison.Ordinal);
        Assert.Contains("method.temperature was 0.5, is 0.4", page, StringComparison.Ordinal);
        Assert.Contains("SIGKILL; exit code 137", page, StringComparison.Ordinal);
    }

    private static double Loss(int step) => 6 - (step / 50.0);

    private string Report(string[] runs, bool network = false)
    {
        var reader = new RecipeReader();
        var options = new ReportOptions { HasPictures = network, UsesNetwork = network };
        var report = new RunReport(options, reader, network ? TorchSharp.torch.CPU : null, TimeProvider.System, _ => { });
        report.Read([.. runs.Select(run => (_folder.File(run), RunReport.RecipeOf(_folder.File(run), reader, [])))]);
        using var stream = new MemoryStream();
        report.Write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private void Write(string run, string name = "temperature", string temperature = "0.5")
    {
        _folder.Write($"{run}/recipe.yaml", Recipe(temperature));
        _folder.Write(
            $"{run}/metrics.jsonl",
            "{\"step\":0,\"epoch\":0,\"evaluation\":{\"knn\":0.31}}\n"
            + string.Concat(Enumerable.Range(1, Steps).Select(step => string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{step / 20.0},\"loss\":{Loss(step)},\"learningRate\":0.1}}\n")))
            + $"{{\"step\":{Steps},\"epoch\":2,\"evaluation\":{{\"knn\":0.44}},\"method\":{{{JsonSerializer.Serialize(name)}:1}}}}\n");
        _folder.Write(
            $"{run}/history.jsonl",
            "{\"event\":\"started\",\"at\":\"2026-11-26T04:33:43+00:00\",\"step\":0,\"process\":7,\"host\":\"here\",\"versions\":{\"selfsup\":\"0.1.0\"}}\n"
            + $"{{\"event\":\"stepSkipped\",\"at\":\"2026-11-26T04:34:43+00:00\",\"step\":7,\"message\":{JsonSerializer.Serialize(name)}}}\n"
            + "{\"event\":\"changed\",\"at\":\"2026-11-26T04:35:43+00:00\",\"step\":8,\"key\":\"method.temperature\",\"was\":\"0.5\",\"is\":\"0.4\"}\n"
            + "{\"event\":\"died\",\"at\":\"2026-11-26T04:36:43+00:00\",\"step\":9,\"signal\":\"SIGKILL\",\"exitCode\":137}\n");
    }

    private static string Recipe(string temperature) => $$"""
        run: { name: made-up, seed: 1 }
        data: { path: nowhere }
        views:
          - randomResizedCrop: { size: 28, scale: [0.3, 1.0] }
        encoder: { backbone: resnet20, width: 0.25, head: { output: 16 } }
        method: { name: simclr, temperature: {{temperature}} }
        optimizer: { name: sgd }
        schedule: { name: cosine, learningRate: 0.05 }
        training: { epochs: 2, globalBatchSize: 32 }
        """;

    private static JsonElement[] Curves(string page) =>
        [.. JsonSerializer.Deserialize<JsonElement>(page.Split("id=\"curves-data\">")[1].Split("</script>")[0]).EnumerateArray()];

    private static string Hash(string page, string start, string end) =>
        "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(page.Split(start)[1].Split(end)[0])));

    [GeneratedRegex("<script[ >]")]
    private static partial Regex Scripts();

    [GeneratedRegex("Content-Security-Policy\" content=\"([^\"]*)\"")]
    private static partial Regex Policy();

    [GeneratedRegex("<p class=\"missing\">")]
    private static partial Regex Missing();
}
