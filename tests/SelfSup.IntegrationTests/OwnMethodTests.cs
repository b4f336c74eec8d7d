using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>A method of another assembly trains in a host of its own, and in the command line.</summary>
public sealed class OwnMethodTests : IDisposable
{
    private readonly Workspace _workspace = new();

    /// <summary>The sample's folder: artifacts/bin has one for each project, and in it the same configuration as here.</summary>
    private static string Built => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "own-method", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))));

    private static string Program => Path.Combine(Built, "own-method");

    private static string Assembly => Path.Combine(Built, "own-method.dll");

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void TheSampleTrainsAndASecondStartFindsItFinished()
    {
        var first = Sample(ShortRun.Settings).Succeeds();
        Assert.Contains("Step 3 of 3: loss ", first.Output, StringComparison.Ordinal);
        var steps = AssertResult("run");
        Assert.Equal(3, steps);
        Assert.Contains("name: alignUniform", File.ReadAllText(_workspace["run", "recipe.yaml"]), StringComparison.Ordinal);

        var second = Sample(ShortRun.Settings).Succeeds();
        Assert.Contains("is finished; nothing is left to train", second.Output, StringComparison.Ordinal);
        Assert.Equal(3, AssertResult("run"));
    }

    [Fact]
    public void TheSampleStopsWithItsHostAndGoesOn()
    {
        string[] longer = [.. ShortRun.Settings, "training.maxSteps=24", "training.epochs=3"];
        using (var first = SelfSupProcess.StartProgram(Program, _workspace["."], [Repository.OwnMethodRecipe, "run", .. longer]))
        {
            first.WaitForLines(_workspace["run", "metrics.jsonl"], 2);
            first.Signal("TERM");
            first.Wait().Succeeds();
        }

        Assert.NotEmpty(Directory.EnumerateDirectories(_workspace["run", "checkpoints"]));
        var second = Sample(longer).Succeeds();
        Assert.Contains("images, from step ", second.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("images, from step 0 ", second.Output, StringComparison.Ordinal);
        Assert.Equal(24, AssertResult("run"));
    }

    [Fact]
    public void ItsMistakesAreLogged()
    {
        var outcome = Sample([.. ShortRun.Settings, "method.alfa=3"]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("method.alfa: no such setting; did you mean method.alpha?", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Output + outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheCommandLineTrainsAndJudgesItFromItsAssembly()
    {
        string[] pretrain = ["pretrain", Repository.OwnMethodRecipe, "--run", "run", "--threads", "1", .. ShortRun.Sets];
        _workspace.Run(pretrain).IsOneLine(2, "method.name: there is no 'alignUniform'");
        _workspace.Run([.. pretrain, "--assembly", Assembly]).Succeeds();
        Assert.Equal(3, AssertResult("run"));
        var finished = _workspace.Run("resume", "run", "--assembly", Assembly).Succeeds();
        Assert.Contains("nothing is left to train", finished.Output, StringComparison.Ordinal);
        _workspace.Run("knn", "run", "--threads", "1", "--assembly", Assembly).Succeeds();
    }

    [Fact]
    public void MethodsListsIt()
    {
        var listed = _workspace.Run("methods", "alignUniform", "--assembly", Assembly).Succeeds();
        Assert.Contains("Wang and Isola 2020", listed.Output, StringComparison.Ordinal);
        Assert.Contains("lambda, how much uniformity counts beside alignment.", listed.Output, StringComparison.Ordinal);
        _workspace.Run("methods", "moko").IsOneLine(2, "methods: there is no 'moko'; did you mean moco?");

        using var json = JsonDocument.Parse(_workspace.Run("methods", "--json", "--images", "1000", "--width", "64").Succeeds().Output);
        var bank = Assert.Single(
            json.RootElement.GetProperty("methods").EnumerateArray(), m => m.GetProperty("name").GetString() == "instanceDiscrimination");
        Assert.Equal(1, bank.GetProperty("views").GetInt32());
        Assert.InRange(bank.GetProperty("bytes").GetInt64(), 1000 * 64 * 4, 1000 * 64 * 5);
    }

    [Fact]
    public void AnAssemblyThatIsNoneIsNamed()
    {
        _workspace.Run("methods", "--assembly", "nowhere.dll").IsOneLine(2, "--assembly nowhere.dll: does not exist");
        _workspace.Run("methods", "--assembly", "tiny.yaml").IsOneLine(2, "--assembly tiny.yaml: cannot be loaded");
        var skia = Path.Combine(AppContext.BaseDirectory, "SkiaSharp.dll");
        _workspace.Run("methods", "--assembly", skia).IsOneLine(2, "no class in it is marked [Named]");
    }

    private Outcome Sample(params string[] settings)
    {
        using var process = SelfSupProcess.StartProgram(Program, _workspace["."], [Repository.OwnMethodRecipe, "run", .. settings]);
        return process.Wait();
    }

    private long AssertResult(string run)
    {
        using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace[run, "result.json"]));
        Assert.True(double.IsFinite(result.RootElement.GetProperty("loss").GetDouble()));
        return result.RootElement.GetProperty("steps").GetInt64();
    }
}
