using System.Globalization;
using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>
/// Training processes that are killed (SIGKILL) at random moments, also while a checkpoint is written, renamed or deleted, end
/// bit for bit as one that never was: weights, stores, metrics and results. <c>tools/crash --kills 500</c> is the long form.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class CrashTests : IDisposable
{
    private readonly Workspace _workspace = new();

    private static string Tool => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "crash", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "crash"));

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("moco", 30)]
    [InlineData("instanceDiscrimination", 6)]
    [InlineData("swav", 6)]
    [InlineData("nnclr", 6)]
    [InlineData("simclr", 6)]
    public void AKilledRunEndsAsOneThatNeverWas(string method, int kills)
    {
        using var process = SelfSupProcess.StartProgram(
            Tool,
            _workspace["."],
            "--methods", method,
            "--kills", kills.ToString(CultureInfo.InvariantCulture),
            "--seed", "7",
            "--program", Path.Combine(AppContext.BaseDirectory, "SelfSup.Cli"),
            "--json", _workspace["report.json"]);
        process.Wait(TimeSpan.FromMinutes(15)).Succeeds();

        using var json = JsonDocument.Parse(File.ReadAllBytes(_workspace["report.json"]));
        var report = json.RootElement[0];
        Assert.Equal(kills, report.GetProperty("allKills").GetInt32());
        Assert.Equal(0, report.GetProperty("lostCheckpoints").GetInt32());
        Assert.Empty(report.GetProperty("differences").EnumerateArray());
        if (kills >= 30)
        {
            // It would prove little if the kills had missed what they were for.
            Assert.True(report.GetProperty("halfWritten").GetInt32() > 0);
            Assert.True(report.GetProperty("notRenamed").GetInt32() > 0);
        }
    }
}
