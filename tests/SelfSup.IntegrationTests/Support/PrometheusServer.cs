using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SelfSup.IntegrationTests.Support;

/// <summary>A real Prometheus with the repository's configuration, which reads every half a second.</summary>
internal sealed class PrometheusServer : IDisposable
{
    private static readonly HttpClient _client = new();

    private readonly Process _process;
    private readonly int _port;

    private PrometheusServer(Process process, int port) => (_process, _port) = (process, port);

    /// <summary>Whether it is installed, with promtool.</summary>
    public static bool IsInstalled => Find("prometheus") && Find("promtool");

    /// <summary>The repository's files for it.</summary>
    public static string Folder => Path.Combine(Repository.Path, "tools", "observability");

    /// <summary>Starts one.</summary>
    /// <param name="folder">An empty folder for its files.</param>
    /// <param name="target">The port of the run that it reads.</param>
    public static PrometheusServer Start(string folder, int target)
    {
        Directory.CreateDirectory(folder);
        var configuration = File.ReadAllText(Path.Combine(Folder, "prometheus.yml"));
        const string Targets = """targets: ["localhost:9464", "localhost:9465", "localhost:9466", "localhost:9467"]""";
        Assert.Contains(Targets, configuration, StringComparison.Ordinal);
        configuration = configuration.Replace(Targets, $"targets: [\"localhost:{target}\"]", StringComparison.Ordinal)
            .Replace("15s", "500ms", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "prometheus.yml"), configuration);
        File.Copy(Path.Combine(Folder, "alerts.yml"), Path.Combine(folder, "alerts.yml"));
        var port = Ports.Free();
        var process = Process.Start(new ProcessStartInfo(
            "prometheus",
            [
                $"--config.file={Path.Combine(folder, "prometheus.yml")}", $"--storage.tsdb.path={Path.Combine(folder, "data")}",
                string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{port}"), "--log.level=error",
            ])
        {
            RedirectStandardError = true,
        })!;
        return new PrometheusServer(process, port);
    }

    /// <summary>Runs promtool.</summary>
    /// <param name="input">What it reads from stdin.</param>
    /// <param name="arguments">Its command line.</param>
    /// <returns>Its exit code, and all that it said.</returns>
    public static (int ExitCode, string Said) Tool(string input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("promtool", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var said = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, said.GetAwaiter().GetResult() + error.GetAwaiter().GetResult());
    }

    /// <summary>Asks for what an expression is now: the values of its series, none where there are none.</summary>
    public async Task<IReadOnlyList<(IReadOnlyDictionary<string, string> Labels, double Value)>> Query(string expression)
    {
        using var answer = await _client.GetAsync(new Uri(string.Create(
            CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}/api/v1/query?query={Uri.EscapeDataString(expression)}")));
        var text = await answer.Content.ReadAsStringAsync();
        using var json = JsonDocument.Parse(text);
        Assert.True(json.RootElement.GetProperty("status").GetString() == "success", $"{expression}: {text}");
        return
        [
            .. json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(series => (
                (IReadOnlyDictionary<string, string>)series.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!),
                double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture))),
        ];
    }

    /// <summary>Asks until there is an answer.</summary>
    public async Task<IReadOnlyList<(IReadOnlyDictionary<string, string> Labels, double Value)>> WaitFor(string expression, Func<double, bool> enough)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                var series = await Query(expression);
                if (series.Count > 0 && series.All(one => enough(one.Value)))
                {
                    return series;
                }
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                // It starts.
            }

            Assert.True(tries < 600, $"Prometheus has no answer to {expression}");
            Assert.False(_process.HasExited, "Prometheus has ended");
            await Task.Delay(200);
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static bool Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
