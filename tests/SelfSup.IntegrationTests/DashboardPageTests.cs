using System.Text.Json;

using SelfSup.Dashboard;
using SelfSup.IntegrationTests.Support;

using SkiaSharp;

namespace SelfSup.IntegrationTests;

/// <summary>The dashboard as somebody sees it who opens it in a browser.</summary>
public sealed class DashboardPageTests : IAsyncLifetime
{
    private const string Hostile = "<img src=x onerror=alert(1)>";

    private readonly string _folder = Directory.CreateTempSubdirectory("selfsup-dashboard-").FullName;
    private readonly List<Exception> _failed = [];
    private MadeUpRun _run = null!;
    private DashboardServer _server = null!;
    private Chromium _chromium = null!;

    public async ValueTask InitializeAsync()
    {
        Chromium.Require();
        _run = new MadeUpRun(Path.Combine(_folder, "first")).Step(250).Happened("lossSpiked", "the loss jumped to 9");
        new MadeUpRun(Path.Combine(_folder, "second"), temperature: "0.2", isRunning: false).Step(400).Happened("failed", Hostile);
        var hostile = new MadeUpRun(Path.Combine(_folder, Hostile), Hostile, isRunning: false).Step(30);
        File.AppendAllText(hostile.Metrics, $"{{\"step\":31,\"epoch\":0.31,\"{Hostile}\":1,\"method\":{{\"__proto__\":2,\"constructor\":3}}}}\n");
        File.WriteAllText(Path.Combine(hostile.Folder, "train.log"), $"{Hostile}\n<script>alert(2)</script>\n");
        _server = await DashboardServer.Start(new DashboardOptions(_folder) { Port = 0 }, TimeProvider.System, _failed.Add, TestContext.Current.CancellationToken);
        _chromium = await Chromium.Start();
    }

    public async ValueTask DisposeAsync()
    {
        if (_chromium is not null)
        {
            await _chromium.DisposeAsync();
            await _server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
        Assert.Empty(_failed);
    }

    [Fact]
    public async Task CurvesHaveTheRunsPointsAndGrow()
    {
        var page = await Open("#/run/first");
        await page.WaitFor("SelfSup.charts.length > 8");
        Assert.Equal("250", await page.Text("SelfSup.charts.find(chart => chart.title === 'Loss').lines[0].x.length"));
        Assert.Equal(MadeUpRun.Loss(250), await Last(page, "Loss"), 1e-5);
        Assert.Equal("2", await page.Text("SelfSup.charts.find(chart => chart.title === 'Evaluation').lines[1].y.length"));
        // What is drawn is what is known.
        Assert.Equal("250", await page.Text("SelfSup.charts.find(chart => chart.title === 'Loss').plot.data[1].length"));
        Assert.Contains("last 5.", await page.Text("document.querySelector('.plot').getAttribute('aria-label')"), StringComparison.Ordinal);
        Assert.Contains("Left", await page.Text("document.querySelector('.facts').textContent"), StringComparison.Ordinal);
        Assert.Contains("3 min 24 s", await page.Text("document.querySelector('.facts').textContent"), StringComparison.Ordinal);
        Assert.Contains("the loss jumped to 9", await page.Text("document.querySelector('.notes').textContent"), StringComparison.Ordinal);

        // It grows, in place and without a reload.
        await page.Evaluate("window.stays = document.querySelector('.chart')");
        _run.Step(60);
        await page.WaitFor("SelfSup.charts.find(chart => chart.title === 'Loss').plot.data[0].length === 310");
        Assert.Equal(MadeUpRun.Loss(310), await Last(page, "Loss"), 1e-5);
        Assert.Equal("true", await page.Text("document.contains(window.stays)"));
        Assert.Single(page.Requests, address => address.Contains("/api/series?id=first&points=4000", StringComparison.Ordinal) && !address.Contains("from=", StringComparison.Ordinal));

        // It was resumed from an earlier step.
        _run.Back(200).Step(3);
        await page.WaitFor("SelfSup.charts.find(chart => chart.title === 'Loss').plot.data[0].length === 203");
        AssertCalm(page);
    }

    /// <summary>While it waits for an answer, somebody looks elsewhere and comes back, again and again.</summary>
    [Fact]
    public async Task NothingIsTakenTwice()
    {
        var page = await Open("#/run/first");
        await page.WaitFor("SelfSup.charts.length > 8");
        await page.Evaluate(
            """
            (() => {
              const ask = window.fetch;
              [window.under, window.most] = [0, 0];
              window.fetch = async (...all) => {
                window.most = Math.max(window.most, ++window.under);
                const answer = await ask(...all);
                await new Promise(done => setTimeout(done, 300));
                window.under--;
                return answer;
              };
              setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 30);
            })()
            """);
        for (var steps = 260; steps <= 290; steps += 10)
        {
            _run.Step(10);
            await page.WaitFor($"SelfSup.charts.find(chart => chart.title === 'Loss').lines[0].x.length >= {steps}");
        }

        Assert.Equal("290", await page.Text("SelfSup.charts.find(chart => chart.title === 'Loss').lines[0].x.length"));
        Assert.Equal("2", await page.Text("window.most")); // the run and its curves
        AssertCalm(page);
    }

    [Fact]
    public async Task TheLinkToTheContentLeavesTheViewWhereItIs()
    {
        var page = await Open("#main"); // kept from before
        await page.WaitFor("document.querySelectorAll('tbody tr').length === 3");
        await page.Go($"{_server.Address}#/run/first");
        await page.WaitFor("SelfSup.charts.length > 8");
        await page.Evaluate("document.querySelector('.skip').click()");
        Assert.Equal("#/run/first main", await page.Text("`${location.hash} ${document.activeElement.id}`"));

        // What is zoomed into stays in other colours.
        await page.Evaluate("SelfSup.charts[0].plotNode.focus(), SelfSup.charts[0].plot.setScale('x', { min: 50, max: 100 })");
        await page.WaitFor("SelfSup.charts[0].zoom?.min === 50");
        await page.Evaluate("document.getElementById('theme').click()");
        await page.WaitFor("SelfSup.charts[0].plot.scales.x.min === 50 && SelfSup.charts[0].plot.scales.x.max === 100 && !SelfSup.charts[0].resetButton.hidden");
        await page.Evaluate("localStorage.clear()");
        AssertCalm(page);
    }

    /// <summary>A link with the token in what somebody wrote elsewhere.</summary>
    [Fact]
    public async Task ALinkFromElsewhereLetsIn()
    {
        const string Token = "a-token-of-27-characters---";
        await using var server = await DashboardServer.Start(
            new DashboardOptions(_folder) { Port = 0, Token = Token }, TimeProvider.System, _failed.Add, TestContext.Current.CancellationToken);
        var page = await Open("");
        await page.WaitFor("document.querySelectorAll('tbody tr').length === 3");
        var there = new UriBuilder(server.Address) { Host = "localhost" }.Uri;
        await page.Evaluate($"setTimeout(() => location.href = '{there}?token={Token}', 0)");
        await page.WaitFor($"location.href === '{there}' && document.querySelectorAll('tbody tr').length === 3");
        AssertCalm(page);
    }

    [Fact]
    public async Task ARunThatIsRefusedLeavesTheOthersToBeSeen()
    {
        File.CreateSymbolicLink(Path.Combine(new MadeUpRun(Path.Combine(_folder, "linked")).Folder, "train.log"), "/etc/hostname");
        var page = await Open("");
        await page.WaitFor("document.querySelectorAll('tbody tr').length === 4");
        Assert.Contains("train.log is a link to outside", await page.Text("document.querySelector('tbody').textContent"), StringComparison.Ordinal);
        Assert.Equal("", await page.Text("document.getElementById('news').textContent"));
    }

    [Fact]
    public async Task WhatRunsAreCalledIsOnlyText()
    {
        var page = await Open("");
        await page.WaitFor("document.querySelectorAll('tbody tr').length === 3");
        Assert.Contains(Hostile, await page.Text("document.querySelector('tbody').textContent"), StringComparison.Ordinal);
        await page.Evaluate("[...document.querySelectorAll('tbody a')].find(link => link.textContent.startsWith('<img')).click()");
        await page.WaitFor("SelfSup.charts.length > 8 && document.querySelector('.log').textContent.includes('script')");
        Assert.Equal(Hostile, await page.Text("document.querySelector('h1').textContent"));
        Assert.Contains($"{Hostile}\n<script>alert(2)</script>", await page.Text("document.querySelector('.log').textContent"), StringComparison.Ordinal);
        Assert.Equal("1", await page.Text("SelfSup.charts.find(chart => chart.title.includes('onerror')).lines[0].y[0]"));
        await page.Go($"{_server.Address}#/compare/{Uri.EscapeDataString(Hostile)}/second");
        await page.WaitFor("document.querySelectorAll('th.mono').length > 0 && SelfSup.charts.length > 8");
        Assert.Equal("0", await page.Text("document.querySelectorAll('img, main script').length"));
        AssertCalm(page);
    }

    [Fact]
    public async Task RunsAreComparedByKeyboard()
    {
        var page = await Open("");
        await page.WaitFor("document.querySelectorAll('tbody tr').length === 3");
        foreach (var run in new[] { "first", "second" })
        {
            await page.Evaluate("document.activeElement.blur()");
            for (var tabs = 0; await page.Text("document.activeElement.getAttribute('aria-label')") != $"Compare {run}"; tabs++)
            {
                Assert.True(tabs < 60, "the box is not reached");
                await page.Press("Tab");
            }

            await page.Press(" ");
        }

        await page.Evaluate("document.querySelector('button.primary').focus()");
        Assert.Equal("Compare 2 runs", await page.Text("document.activeElement.textContent"));
        await page.Press("Enter");
        await page.WaitFor("SelfSup.charts.length > 8 && SelfSup.charts.every(chart => chart.lines.length === 2)");
        Assert.Equal("[250,400]", await page.Text("JSON.stringify(SelfSup.charts[0].lines.map(line => line.x.length))"));
        Assert.Equal("method.temperature0.50.2", await page.Text("document.querySelector('th.mono').parentElement.textContent"));
        // Lines differ in colour and in how they are drawn.
        Assert.Equal("2", await page.Text("new Set(SelfSup.charts[0].plot.series.slice(1).map(series => series.stroke())).size"));
        Assert.Equal("2", await page.Text("new Set(SelfSup.charts[0].plot.series.slice(1).map(series => String(series.dash))).size"));

        // Along a curve, into it and out again, another scale, its values.
        await page.Evaluate("SelfSup.charts[0].plotNode.focus()");
        await page.Press("End");
        await page.WaitFor("SelfSup.charts[0].said.textContent.startsWith('step 400: second 5.')");
        await page.Press("ArrowLeft", 2);
        await page.WaitFor("SelfSup.charts[0].said.textContent.startsWith('step 398: ')");
        await page.Press("+");
        await page.WaitFor("SelfSup.charts[0].plot.scales.x.min > 200");
        await page.Press("Escape");
        await page.WaitFor("SelfSup.charts[0].plot.scales.x.min === 1");
        await page.Evaluate("SelfSup.charts[0].logButton.click(), SelfSup.charts[0].valuesButton.click()");
        Assert.Equal("3", await page.Text("SelfSup.charts[0].plot.scales.y.distr"));
        Assert.Contains("5.", await page.Text("document.querySelector('.values tbody').textContent"), StringComparison.Ordinal);
        AssertCalm(page);
    }

    [Theory]
    [InlineData("")]
    [InlineData("#/run/first")]
    [InlineData("#/compare/first/second")]
    public async Task EverythingIsReachedAndCanBeRead(string place)
    {
        var page = await Open(place);
        await page.WaitFor(place == "" ? "document.querySelectorAll('tbody tr').length === 3" : "SelfSup.charts.length > 8");
        Assert.Empty(await page.LowContrasts());
        Assert.Empty(await page.KeyboardTroubles());
        await page.Evaluate("document.activeElement.blur(), scrollTo(0, 0)");
        using var light = SKBitmap.Decode(await page.Picture());
        await page.Dark(true);
        await page.Evaluate("new Promise(done => setTimeout(done, 50))");
        Assert.Empty(await page.LowContrasts());
        using var dark = SKBitmap.Decode(await page.Picture());
        Assert.Equal((1280, 900), (light.Width, light.Height));
        Assert.True(Lightness(light) > 200, "light is light");
        Assert.InRange(Lightness(dark), 5, 60);
        Assert.All([light, dark], picture => Assert.True(Colours(picture) > 30, "there is something on it"));

        // The reader's choice goes before the system's, and stays.
        await page.Evaluate("document.getElementById('theme').click()");
        using var chosen = SKBitmap.Decode(await page.Picture());
        Assert.True(Lightness(chosen) > 200, "light as chosen");
        Assert.Equal("light", await page.Text("localStorage.getItem('theme')"));
        await page.Evaluate("localStorage.clear()");
        AssertCalm(page);
    }

    private static double Lightness(SKBitmap picture) => Pixels(picture).Average(pixel => (pixel.Red + pixel.Green + pixel.Blue) / 3.0);

    private static int Colours(SKBitmap picture) => Pixels(picture).Distinct().Count();

    private static IEnumerable<SKColor> Pixels(SKBitmap picture) => picture.Pixels.Where((_, i) => i % 7 == 0);

    private static async Task<double> Last(ChromiumPage page, string title) =>
        (await page.Evaluate($"SelfSup.charts.find(chart => chart.title === {JsonSerializer.Serialize(title)}).lines[0].y.at(-1)")).GetDouble();

    private async Task<ChromiumPage> Open(string place) => await _chromium.Open($"{_server.Address}{place}");

    private static void AssertCalm(ChromiumPage page)
    {
        Assert.Empty(page.Errors);
        Assert.Empty(page.RequestsElsewhere);
        Assert.NotEmpty(page.Requests);
    }
}
