using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

using SelfSup.Training;

namespace SelfSup.IntegrationTests.Support;

/// <summary>
/// One run that is watched by all: Prometheus reads it, a collector hears it over gRPC, until it is killed; started again, with another
/// recipe's telemetry, it is heard over HTTP until SIGTERM.
/// </summary>
public sealed partial class ObservedRun : IAsyncLifetime
{
    /// <summary>What tests of Prometheus say where it is not there.</summary>
    public const string NoPrometheus = "prometheus and promtool are not installed (Debian: prometheus)";

    private readonly Workspace _workspace = new();

    internal OtlpReceiver Receiver { get; private set; } = null!;

    /// <summary>What the endpoint said.</summary>
    internal string Scrape { get; private set; } = "";

    /// <summary>Status codes of requests that ask for another host.</summary>
    internal List<(string Host, int Status)> Hosts { get; } = [];

    /// <summary>What Prometheus answered: the loss, images a second, and how many series each query of the dashboard has.</summary>
    internal double? Loss { get; private set; }

    internal double ImagesPerSecond { get; private set; }

    internal Dictionary<string, string> Labels { get; private set; } = [];

    internal Dictionary<string, int> Answers { get; } = [];

    internal Outcome Outcome { get; private set; } = null!;

    /// <summary>The run's folder.</summary>
    internal string Folder => _workspace["run"];

    internal RunFiles Files => _workspace.Files("run");

    /// <summary>Every query of the dashboard.</summary>
    public static IEnumerable<string> Queries => Targets.Select(target => target.Query);

    /// <summary>Every query of the dashboard, and what its series are called.</summary>
    public static IEnumerable<(string Query, string Legend)> Targets
    {
        get
        {
            using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(PrometheusServer.Folder, "grafana", "dashboards", "selfsup.json")));
            foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray())
            {
                if (panel.TryGetProperty("targets", out var targets))
                {
                    foreach (var target in targets.EnumerateArray())
                    {
                        yield return (target.GetProperty("expr").GetString()!, target.GetProperty("legendFormat").GetString()!);
                    }
                }
            }
        }
    }

    public async ValueTask InitializeAsync()
    {
        Receiver = new OtlpReceiver(_workspace["received"]);
        var port = Ports.Free();
        var recipe = File.ReadAllText(_workspace["tiny.yaml"]);
        void Telemetry(string address, string protocol) => File.WriteAllText(
            _workspace["tiny.yaml"],
            string.Create(CultureInfo.InvariantCulture, $"{recipe}\ntelemetry: {{ otlp: {{ endpoint: '{address}', protocol: {protocol} }}, prometheus: {{ port: {port} }} }}\n"));

        Telemetry(Receiver.Grpc.Address, "grpc");
        using var process = SelfSupProcess.Start(
            _workspace["."],
            [
                ("OTEL_METRIC_EXPORT_INTERVAL", "500"), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_BLRP_SCHEDULE_DELAY", "200"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=vision"), ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=ci"),
            ],
            "pretrain", "tiny.yaml", "--run", "run", "--restarts", "1", "--set", "training.epochs=100000", "--set", "method.name=moco",
            "--set", "method.queueLength=128", "--set", "checkpoint.everyEpochs=5", "--set", "checkpoint.everySteps=30",
            "--set", "evaluation.everyEpochs=5");
        process.WaitUntil(
            () => Heard(Receiver.Grpc, "selfsup.checkpoint.duration", "epoch", "checkpoint", "evaluation"), "nothing came over gRPC");
        Assert.True(Files.History.Count == 1, "the run has ended");
        await Read(port);

        Telemetry(Receiver.Http.Address, "httpProtobuf");
        SelfSupProcess.Signal("KILL", Files.History.Last(happened => happened.Event == RunEventKind.Started).Process!.Value);
        process.WaitUntil(() => Heard(Receiver.Http, "selfsup.checkpoint.duration", "epoch", "checkpoint", "evaluation", "restart"), "nothing came over HTTP");
        process.Signal("TERM");
        Outcome = process.Wait();
        Receiver.Http.Read();
    }

    public ValueTask DisposeAsync()
    {
        Receiver.Dispose();
        _workspace.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The query as Grafana would ask it.</summary>
    public static string Filled(string query) => query.Replace("$run", ".*", StringComparison.Ordinal)
        .Replace("$__rate_interval", "5s", StringComparison.Ordinal).Replace("$__range", "1h", StringComparison.Ordinal);

    /// <summary>Names of metrics in queries, without what the parts of histograms add.</summary>
    public static IEnumerable<string> Names(string query) => MetricName().Matches(query).Select(match => match.Value);

    private static bool Heard(OtlpReceiver.Received received, string metric, params string[] spans) =>
        received.Read().Metrics.ContainsKey(metric) && received.Logs.Any(log => log.Body.StringValue.Contains("checkpoint", StringComparison.Ordinal))
        && spans.All(span => received.Spans.Any(one => one.Name == span));

    /// <summary>Reads the endpoint, as a browser would that was led astray, and as Prometheus does.</summary>
    private async Task Read(int port)
    {
        using var client = new HttpClient();
        Uri address = new($"http://localhost:{port}/metrics");
        foreach (var host in new[] { $"localhost:{port}", $"127.0.0.1:{port}", $"evil.example:{port}", "evil.example", $"localhost.evil.example:{port}" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { Host = host } };
            using var answer = await client.SendAsync(request);
            Hosts.Add((host, (int)answer.StatusCode));
        }

        if (PrometheusServer.IsInstalled)
        {
            using var prometheus = PrometheusServer.Start(_workspace["prometheus"], port);
            var loss = await prometheus.WaitFor("selfsup_training_loss", double.IsFinite);
            (Loss, Labels) = (loss[0].Value, loss[0].Labels.ToDictionary());
            ImagesPerSecond = (await prometheus.WaitFor("rate(selfsup_training_images_total[5s])", rate => rate > 0))[0].Value;
            foreach (var query in Queries.Distinct())
            {
                Answers[query] = (await prometheus.Query(Filled(query))).Count;
            }
        }

        Scrape = await client.GetStringAsync(address);
    }

    [GeneratedRegex(@"\b(selfsup|process|hw)_\w+(?=[{\[\s)]|$)")]
    private static partial Regex MetricName();
}
