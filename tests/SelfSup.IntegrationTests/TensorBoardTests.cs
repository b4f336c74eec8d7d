using System.Text.Json;

using SelfSup.IntegrationTests.Support;
using SelfSup.Tensors;
using SelfSup.Tools.Crash;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.IntegrationTests;

/// <summary>What a run writes for those who look at it with other programs, after it was killed and went on.</summary>
public sealed class TensorBoardTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public TensorBoardTests() => TorchRuntime.Initialise(null);

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ARunThatWasKilledHasEveryStepOnce()
    {
        PythonTensorBoard.Require();
        string[] settings = ["--set", "telemetry.tensorBoard={ imagesEveryEpochs: 1, histogramsEverySteps: 10, projectorImages: 50 }"];
        _workspace.Pretrain("whole").Succeeds();
        using (var process = _workspace.Start("run", settings))
        {
            process.WaitForLines(_workspace["run", "metrics.jsonl"], 17);
            process.Signal("KILL");
            Assert.Equal(137, process.Wait().ExitCode);
        }

        Assert.Empty(_workspace.Pretrain("run", settings).Succeeds().Error);
        IsTheSameButForItsRecipe();
        Assert.False(Directory.Exists(_workspace["whole", "tensorboard"]));
        ItsTableIsTheOneOfItsLines("whole");
        ItsTableIsTheOneOfItsLines("run");

        var read = PythonTensorBoard.Read(_workspace["run", "tensorboard"]);
        var files = read.GetProperty("files").EnumerateArray().Select(file => file.EnumerateArray().ToArray()).ToArray();
        Assert.Equal(2, files.Length);
        var resumed = _workspace.Files("run").History.Last(happened => happened.Event == RunEventKind.Resumed).Step!.Value;
        Assert.InRange(resumed, 5, 20);
        Assert.Equal([0, resumed + 1], files.Select(file => file[1].GetProperty("step").GetInt64()));
        Assert.All(files, file => Assert.Equal(("brain.Event:2", true), (file[0].GetProperty("version").GetString(), file[1].GetProperty("start").GetBoolean())));
        Event[] events = [.. files.SelectMany(file => file).SelectMany(one => one.GetProperty("values").EnumerateArray().Select(value => new Event(
            one.GetProperty("step").GetInt64(), value.GetProperty("tag").GetString()!, value.GetProperty("plugin").GetString()!, value.GetProperty("value"))))];

        Numbers(events);
        Pictures(events);
        TheRecipe(events, resumed);
        Assert.All(files, file =>
        {
            double[] times = [.. file.Select(one => one.GetProperty("wallTime").GetDouble())];
            Assert.InRange(times[0], DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeSeconds(), DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
            Assert.Equal(times.Order(), times);
        });

        var projector = read.GetProperty("projector").EnumerateArray().ToArray();
        Assert.Equal(["features after step 24", "features after step 0"], projector.Select(tensor => tensor.GetProperty("name").GetString()));
        Assert.All(projector, tensor =>
        {
            Assert.Equal((50, 16), (tensor.GetProperty("rows").GetInt32(), tensor.GetProperty("width").GetInt32()));
            Assert.InRange(tensor.GetProperty("distinct").GetInt32(), 45, 50);
            Assert.Equal(10, tensor.GetProperty("classes").GetArrayLength());
        });
    }

    /// <summary>Bit for bit that of a run that was not killed and wrote nothing for TensorBoard; the backbone's file has the recipe in it.</summary>
    private void IsTheSameButForItsRecipe()
    {
        Assert.Equal(["the backbone has other bits"], RunEnd.Differences(_workspace["whole"], _workspace["run"]));
        using var scope = NewDisposeScope();
        using var whole = TensorFile.Open(_workspace["whole", "backbone.safetensors"]);
        using var run = TensorFile.Open(_workspace["run", "backbone.safetensors"]);
        Assert.Equal(whole.Tensors.Keys, run.Tensors.Keys);
        Assert.All(whole.Tensors.Keys, name => Assert.Equal(whole.Read(name).reshape(-1).bytes.ToArray(), run.Read(name).reshape(-1).bytes.ToArray()));
    }

    private void Numbers(Event[] events)
    {
        var (loss, knn, alignment) = (new List<(long, float)>(), new List<(long, float)>(), new List<(long, float)>());
        foreach (var line in File.ReadLines(_workspace["run", "metrics.jsonl"]))
        {
            using var json = JsonDocument.Parse(line);
            var step = json.RootElement.GetProperty("step").GetInt64();
            Note(loss, json.RootElement, "loss");
            Note(knn, json.RootElement, "evaluation", "knn");
            Note(alignment, json.RootElement, "embeddings", "alignment");

            void Note(List<(long, float)> list, JsonElement at, params string[] names)
            {
                if (names.All(name => at.TryGetProperty(name, out at)))
                {
                    list.Add((step, (float)at.GetDouble()));
                }
            }
        }

        Assert.Equal(24, loss.Count);
        Assert.Equal(loss, Scalars("training/loss"));
        Assert.Equal(Enumerable.Range(1, 24).Select(step => (long)step), Scalars("throughput/imagesPerSecond").Select(scalar => scalar.Step));
        Assert.Equal([0, 8, 16, 24], knn.Select(value => value.Item1));
        Assert.Equal(knn, Scalars("evaluation/knn"));
        Assert.Equal([1, 11, 21], alignment.Select(value => value.Item1));
        Assert.Equal(alignment, Scalars("embeddings/alignment"));
        Assert.Equal([1, 11, 21], Scalars("method/informationBound").Select(scalar => scalar.Step));

        IEnumerable<(long Step, float Value)> Scalars(string tag) =>
            events.Where(one => one.Tag == tag && one.Plugin == "scalars").Select(one => (one.Step, (float)one.Value.GetDouble()));
    }

    private static void Pictures(Event[] events)
    {
        Event[] views = [.. events.Where(one => one.Tag == "views")];
        Assert.Equal([0, 8, 16], views.Select(one => one.Step));
        Assert.All(views, one =>
        {
            Assert.Equal("images", one.Plugin);
            Assert.InRange(one.Value.GetProperty("width").GetInt32(), 400, 1000); // the original and two views
            Assert.InRange(one.Value.GetProperty("colors").GetInt32(), 30, 1 << 24);
        });
        foreach (var (tag, count) in new[] { ("norm", 32), ("coordinate", 32 * 16), ("positiveSimilarity", 32), ("negativeSimilarity", 32 * 31) })
        {
            Event[] histograms = [.. events.Where(one => one.Tag == $"embeddings/{tag}" && one.Plugin == "histograms")];
            Assert.Equal([1, 11, 21], histograms.Select(one => one.Step));
            Assert.All(histograms, one => Assert.Equal((30, count), (one.Value.GetProperty("buckets").GetInt32(), one.Value.GetProperty("count").GetDouble())));
        }
    }

    private static void TheRecipe(Event[] events, long resumed)
    {
        Event[] recipes = [.. events.Where(one => one.Tag == "recipe" && one.Plugin == "text")];
        Assert.Equal([0, resumed + 1], recipes.Select(one => one.Step));
        Assert.StartsWith("```yaml\nrun:\n", recipes[0].Value.GetString(), StringComparison.Ordinal);
        Assert.Contains("  temperature: 0.2\n", recipes[0].Value.GetString(), StringComparison.Ordinal);
        var settings = events.First(one => one.Plugin == "hparams").Value.GetProperty("settings");
        Assert.Equal((0.2, "simclr"), (settings.GetProperty("method.temperature").GetDouble(), settings.GetProperty("method.name").GetString()));
        Assert.Equal(("session_end_info", 24L), (events.Last(one => one.Plugin == "hparams").Value.GetProperty("which").GetString(), events[^1].Step));
    }

    private void ItsTableIsTheOneOfItsLines(string run)
    {
        new MetricsTable(_workspace[run, "metrics.jsonl"], _workspace[run, "again.parquet"], TimeProvider.System, Assert.Fail).Update(always: true);
        Assert.Equal(File.ReadAllBytes(_workspace[run, "again.parquet"]), File.ReadAllBytes(_workspace[run, "metrics.parquet"]));
    }

    private sealed record Event(long Step, string Tag, string Plugin, JsonElement Value);
}
