using System.Text;

using SelfSup.IntegrationTests.Support;

using SkiaSharp;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup report</c>, its pages as somebody sees them who opens them in a browser.</summary>
public sealed class ReportTests(ReportedRuns runs) : IClassFixture<ReportedRuns>
{
    [Fact]
    public async Task AReportOfARunShowsAllOfIt()
    {
        Chromium.Require();
        await using var chromium = await Chromium.Start();
        var page = await Open(chromium, runs.One);
        Assert.Equal("run", await page.Text("document.querySelector('h1').textContent"));
        Assert.Equal("0", await page.Text("document.querySelectorAll('.missing').length"));

        // Curves have the run's points.
        string[] losses = [.. File.ReadLines(runs.Workspace["run", "metrics.jsonl"]).Where(line => line.Contains("\"loss\"", StringComparison.Ordinal))];
        Assert.Equal(Workspace.Steps, losses.Length);
        Assert.Equal($"{Workspace.Steps}", await page.Text("SelfSup.charts.find(chart => chart.title === 'Loss').plot.data[0].length"));
        Assert.Contains(
            $"\"loss\":{await page.Text("SelfSup.charts.find(chart => chart.title === 'Loss').plot.data[1].at(-1)")}"[..12], losses[^1], StringComparison.Ordinal);

        // Pictures: three images with eight views of each, and three queries with eight neighbours.
        Assert.Equal("27", await page.Text("document.querySelectorAll('#views-0 img').length"));
        Assert.Equal("27", await page.Text("document.querySelectorAll('#neighbours-0 img').length"));
        Assert.Equal("true", await page.Text("[...document.images].every(image => image.complete && image.naturalWidth > 0)"));
        Assert.Equal("10", await page.Text("document.querySelectorAll('table.confusion tbody tr').length"));
        Assert.Equal("64", await page.Text("[...document.querySelectorAll('table.confusion tbody td:not(.sum)')].reduce((sum, cell) => sum + Number(cell.textContent), 0)"));

        // The map: a mark for each of 64 images; classes come and go; by keyboard from point to point; UMAP in the page.
        const string Points = "[...document.querySelectorAll('figure.map .stage path.dots:not(.edge)')].reduce((sum, path) => sum + path.getAttribute('d').split('M').length - 1, 0)";
        Assert.Equal("64", await page.Text(Points));
        Assert.Equal("10", await page.Text("document.querySelectorAll('figure.map button.kind').length"));
        await page.Evaluate("document.querySelector('figure.map button.kind').click()");
        Assert.NotEqual("64", await page.Text(Points));
        await page.Evaluate("document.querySelector('figure.map button.kind').click(); document.querySelector('figure.map .stage svg').focus()");
        Assert.EndsWith("the table after the map says the same in numbers.", await page.Text("document.querySelector('figure.map .stage svg').getAttribute('aria-label')"), StringComparison.Ordinal);
        await page.Press("ArrowRight", 2);
        Assert.Contains("image ", await page.Text("document.querySelector('figure.map .tip').textContent"), StringComparison.Ordinal);
        Assert.Contains("image ", await page.Text("document.querySelector('figure.map [role=status]').textContent"), StringComparison.Ordinal);
        var before = await page.Text("document.querySelector('figure.map .stage path.dots').getAttribute('d')");
        await page.Evaluate("document.querySelectorAll('figure.map .tools button')[1].click()");
        await page.WaitFor("document.querySelector('figure.map').dataset.kind === 'umap'");
        Assert.NotEqual(before, await page.Text("document.querySelector('figure.map .stage path.dots').getAttribute('d')"));
        Assert.Equal("64", await page.Text(Points));
        AssertCalm(page, runs.One);
    }

    [Fact]
    public async Task WhatRunsAreCalledIsOnlyText()
    {
        Chromium.Require();
        await using var chromium = await Chromium.Start();
        var page = await Open(chromium, runs.Both);
        Assert.Contains(ReportedRuns.Hostile, await page.Text("document.querySelector('h1').textContent"), StringComparison.Ordinal);
        Assert.Contains("</td><img src=x onerror=alert(2)>", await page.Text("document.getElementById('history-1').textContent"), StringComparison.Ordinal);
        Assert.Equal("2,2", await page.Text("SelfSup.charts[0].lines.length + ',' + document.querySelectorAll('figure.map .stage').length"));
        Assert.Contains("method.temperature0.20.3", await page.Text("document.getElementById('differences').textContent.replace(/\\s/g, '')"), StringComparison.Ordinal);
        // Both look at the same images: they are in the page once.
        Assert.Equal("1", await page.Text("JSON.parse(document.getElementById('maps-data').textContent).atlases.length"));
        AssertCalm(page, runs.Both);
    }

    [Fact]
    public async Task EveryoneCanReadIt()
    {
        Chromium.Require();
        await using var chromium = await Chromium.Start();
        foreach (var isDark in new[] { false, true })
        {
            var page = await Open(chromium, runs.One, isDark);
            Assert.Empty(await page.LowContrasts());
            using var picture = SKBitmap.Decode(await page.Picture());
            Assert.Equal(isDark, picture.GetPixel(4, 400).Red < 60);
            if (isDark)
            {
                // On paper it is light, whatever the screen is.
                var sheets = await page.Print();
                Assert.Equal("%PDF-", Encoding.ASCII.GetString(sheets, 0, 5));
                Assert.True(sheets.Length > 20_000);
                Assert.Equal("true", await page.Text("document.documentElement.dataset.theme === undefined"));
            }
            else
            {
                Assert.Empty(await page.KeyboardTroubles());
            }

            AssertCalm(page, runs.One);
        }
    }

    [Fact]
    public void WhatCannotBeIsRefusedInOneLine()
    {
        Refused(2, "nowhere: does not exist", "nowhere");
        Refused(2, "is a file", "run/recipe.yaml");
        Refused(2, "--out nowhere/page.html", "run", "--out", "nowhere/page.html");
        Refused(2, "images", "run", "--images", "0");
        File.WriteAllText(runs.Workspace["kept.html"], "as it was");
        Refused(2, "broken", "run", "--out", "kept.html", "--set", "method.name=broken");
        Assert.Equal("as it was", File.ReadAllText(runs.Workspace["kept.html"]));

        void Refused(int exitCode, string text, params string[] arguments) => runs.Workspace.Run(["report", .. arguments]).IsOneLine(exitCode, text);
    }

    private static async Task<ChromiumPage> Open(Chromium chromium, string file, bool isDark = false)
    {
        var page = await chromium.Open(new Uri(file).AbsoluteUri, isDark: isDark);
        await page.WaitFor("window.SelfSup && SelfSup.charts.length > 5 && document.querySelector('figure.map .stage path')");
        return page;
    }

    /// <summary>No error, and nothing asked for but the page itself.</summary>
    private static void AssertCalm(ChromiumPage page, string file)
    {
        Assert.Empty(page.Errors);
        Assert.Equal([new Uri(file).AbsoluteUri], page.Requests.Where(address => new Uri(address).Scheme is not ("data" or "blob")));
    }
}
