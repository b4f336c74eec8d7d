using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

using Google.Protobuf;

using OpenTelemetry.Proto.Logs.V1;
using OpenTelemetry.Proto.Metrics.V1;
using OpenTelemetry.Proto.Trace.V1;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>Metrics, spans and logs of a real run, as a real Prometheus and a collector see them.</summary>
[Collection(AloneCollection.Name)]
public sealed partial class TelemetryTests(ObservedRun run) : IClassFixture<ObservedRun>
{
    // Those of every run of MoCo on one CPU, with their units.
    private static readonly Dictionary<string, string> _gauges = new()
    {
        ["selfsup.training.loss"] = "1",
        ["selfsup.training.learning_rate"] = "1",
        ["selfsup.training.gradient_norm"] = "1",
        ["selfsup.training.epoch"] = "{epoch}",
        ["selfsup.training.progress"] = "1",
        ["selfsup.embeddings.alignment"] = "1",
        ["selfsup.embeddings.uniformity"] = "1",
        ["selfsup.embeddings.effective_rank"] = "{dimension}",
        ["selfsup.embeddings.standard_deviation"] = "1",
        ["selfsup.embeddings.positive_similarity"] = "1",
        ["selfsup.embeddings.hardest_negative_similarity"] = "1",
        ["selfsup.embeddings.collapsed"] = "{sign}",
        ["selfsup.memory.age"] = "{step}",
        ["selfsup.memory.oldest"] = "{step}",
        ["selfsup.memory.filled"] = "1",
        ["selfsup.method.fact"] = "1",
        ["selfsup.evaluation.accuracy"] = "1",
    };

    private static readonly Dictionary<string, string> _sums = new()
    {
        ["selfsup.training.steps"] = "{step}",
        ["selfsup.training.images"] = "{image}",
        ["selfsup.training.steps.skipped"] = "{step}",
        ["selfsup.training.loss.spikes"] = "{spike}",
        ["selfsup.checkpoint.failures"] = "{failure}",
        ["selfsup.data.queue.depth"] = "{batch}",
        ["selfsup.data.images.decoded"] = "{image}",
        ["selfsup.data.images.unreadable"] = "{image}",
        ["selfsup.run.heartbeats"] = "{beat}",
        ["selfsup.run.restarts"] = "{restart}",
        ["process.memory.usage"] = "By",
        ["selfsup.tensors.memory.usage"] = "By",
    };

    private static readonly Dictionary<string, string> _histograms = new()
    {
        ["selfsup.training.step.duration"] = "s",
        ["selfsup.training.step.part.duration"] = "s",
        ["selfsup.data.wait.duration"] = "s",
        ["selfsup.checkpoint.duration"] = "s",
        ["selfsup.checkpoint.stall.duration"] = "s",
        ["selfsup.checkpoint.size"] = "By",
        ["selfsup.evaluation.duration"] = "s",
    };

    [Fact]
    public void PrometheusReadsLossAndImagesASecond()
    {
        Assert.SkipUnless(PrometheusServer.IsInstalled, ObservedRun.NoPrometheus);
        Assert.InRange(run.Loss!.Value, 0.1, 20);
        Assert.True(run.ImagesPerSecond > 1, $"{run.ImagesPerSecond} images/s");
        Assert.Equal(
            ("selfsup", run.Folder, "tiny", "moco", "0"),
            (run.Labels["job"], run.Labels["selfsup_run_folder"], run.Labels["selfsup_run_name"], run.Labels["selfsup_method"], run.Labels["selfsup_rank"]));
    }

    [Fact]
    public void EveryQueryOfTheDashboardHasAnAnswer()
    {
        Assert.SkipUnless(PrometheusServer.IsInstalled, ObservedRun.NoPrometheus);
        Assert.DoesNotContain(run.Answers, answer => answer.Value == 0 && !answer.Key.Contains("hw_gpu_", StringComparison.Ordinal));
        Assert.True(run.Answers.Count > 30);
    }

    [Fact]
    public void EveryNameInDashboardAndAlertsIsExported()
    {
        var exported = Samples().Matches(run.Scrape).Select(match => match.Value).ToHashSet();
        string[] ofGpus = ["hw_gpu_utilization", "hw_gpu_memory_usage_bytes", "hw_gpu_memory_limit_bytes"]; // RunGaugesTests
        string[] named = [.. ObservedRun.Queries.Concat(Alerts).SelectMany(ObservedRun.Names).Distinct()];
        Assert.True(named.Length > 40, string.Join(' ', named));
        Assert.Empty(named.Except(exported).Except(ofGpus).Except(["selfsup_run_folder", "selfsup_rank", "selfsup_step_part", "selfsup_decoder"]));
    }

    /// <summary>Two runs of a recipe have the same name.</summary>
    [Fact]
    public void NoRunIsMixedWithAnother()
    {
        Assert.All(ObservedRun.Targets, target => Assert.StartsWith("{{selfsup_run_folder}}", target.Legend, StringComparison.Ordinal));
        Assert.Equal(7, Alerts.Count());
        var groups = ObservedRun.Queries.Concat(Alerts).SelectMany(query => Groups().Matches(query)).Select(match => match.Value).ToArray();
        Assert.True(groups.Length > 10);
        Assert.All(groups, group => Assert.Contains("selfsup_run_folder", group, StringComparison.Ordinal));
    }

    [Fact]
    public void PromtoolAcceptsMetricsRulesAndConfiguration()
    {
        Assert.SkipUnless(PrometheusServer.IsInstalled, ObservedRun.NoPrometheus);
        string File(string name) => Path.Combine(PrometheusServer.Folder, name);
        foreach (var (input, arguments) in new (string, string[])[]
        {
            (run.Scrape, ["check", "metrics"]),
            ("", ["check", "rules", File("alerts.yml")]),
            ("", ["check", "config", File("prometheus.yml")]),
            ("", ["test", "rules", File("alerts.test.yml")]),
        })
        {
            var (exitCode, said) = PrometheusServer.Tool(input, arguments);
            Assert.True(exitCode == 0, $"promtool {string.Join(' ', arguments)}: {said}");
        }
    }

    [Fact]
    public void TheEndpointRefusesOtherHosts() => Assert.Equal([200, 200, 404, 404, 404], run.Hosts.Select(host => host.Status));

    [Theory]
    [InlineData("grpc")]
    [InlineData("http")]
    public void ACollectorGetsEveryMetric(string protocol)
    {
        var received = Of(protocol);
        Assert.Empty(received.Problems);
        var metrics = received.Metrics;
        Assert.Equal(_gauges.Keys.Concat(_sums.Keys).Concat(_histograms.Keys).Order(), metrics.Keys.Order());
        Assert.All(_gauges, gauge => Assert.Equal((gauge.Value, Metric.DataOneofCase.Gauge), (metrics[gauge.Key].Unit, metrics[gauge.Key].DataCase)));
        Assert.All(_sums, sum => Assert.Equal((sum.Value, Metric.DataOneofCase.Sum), (metrics[sum.Key].Unit, metrics[sum.Key].DataCase)));
        Assert.All(
            _histograms,
            histogram => Assert.Equal((histogram.Value, Metric.DataOneofCase.Histogram), (metrics[histogram.Key].Unit, metrics[histogram.Key].DataCase)));

        var parts = metrics["selfsup.training.step.part.duration"].Histogram.DataPoints;
        Assert.Equal(
            ["all_reduce", "backward", "checkpoint", "commit", "data_wait", "forward", "gradient_norm", "loss", "optimizer", "report", "transfer"],
            parts.Select(part => OtlpReceiver.Values(part.Attributes)["selfsup.step.part"]).Order());
        var steps = metrics["selfsup.training.step.duration"].Histogram.DataPoints.Single();
        Assert.All(parts, part => Assert.InRange(part.Count, steps.Count - 1, steps.Count)); // they are told after their step
        Assert.True(parts.Sum(part => part.Sum) > 0);
        Assert.Equal(0.0005, steps.ExplicitBounds[0]);
        Assert.True(Sum(metrics, "selfsup.training.steps") > 0);
        Assert.Equal(32 * Sum(metrics, "selfsup.training.steps"), Sum(metrics, "selfsup.training.images"));
        Assert.True(Sum(metrics, "selfsup.data.images.decoded") >= Sum(metrics, "selfsup.training.images"));
        Assert.True(Sum(metrics, "process.memory.usage") > 50_000_000);
        Assert.Equal(protocol == "http" ? 1 : 0, Sum(metrics, "selfsup.run.restarts"));
        Assert.Equal(
            ["knn", "knnTop5"],
            metrics["selfsup.evaluation.accuracy"].Gauge.DataPoints.Select(point => OtlpReceiver.Values(point.Attributes)["selfsup.evaluator"]).Order());
        Assert.Equal(4, metrics["selfsup.memory.oldest"].Gauge.DataPoints.Single().AsDouble); // 128 keys, 32 a step
        Assert.Equal(["SelfSup.Training"], received.Scopes);
    }

    [Fact]
    public void AllSignalsSayWhoseTheyAre()
    {
        foreach (var resource in run.Receiver.Grpc.Resources.Values.Concat(run.Receiver.Http.Resources.Values))
        {
            Assert.Equal(
                ("selfsup", run.Folder, "tiny", "moco", "0", "ci"),
                (resource["service.name"], resource["selfsup.run.folder"], resource["selfsup.run.name"], resource["selfsup.method"], resource["selfsup.rank"], resource["deployment.environment.name"]));
            Assert.NotEmpty(resource["service.version"]);
            Assert.True(Guid.TryParse(resource["service.instance.id"], out _));
        }

        Assert.Equal(["logs", "metrics", "traces"], run.Receiver.Http.Resources.Keys.Order());
        Assert.Equal( // a run that goes on is the same one
            run.Receiver.Grpc.Resources["metrics"]["service.instance.id"], run.Receiver.Http.Resources["traces"]["service.instance.id"]);
    }

    [Fact]
    public void SpansOfARunLieInOneAnother()
    {
        Assert.All(["epoch", "checkpoint", "evaluation"], name => Assert.Contains(run.Receiver.Grpc.Spans, span => span.Name == name));
        Assert.DoesNotContain(run.Receiver.Grpc.Spans, span => span.Name == "run"); // it was killed

        var spans = run.Receiver.Http.Spans;
        var whole = Assert.Single(spans, span => span.Name == "run");
        Assert.Equal("stopped", OtlpReceiver.Values(whole.Attributes)["selfsup.outcome"]);
        Assert.All(spans, span => Assert.Equal(whole.TraceId, span.TraceId));
        var epochs = spans.Where(span => span.Name == "epoch").ToDictionary(span => span.SpanId);
        Assert.All(epochs.Values, epoch => Assert.Equal(whole.SpanId, epoch.ParentSpanId));
        Assert.All(
            spans.Where(span => span.Name is "checkpoint" or "evaluation"),
            span => Assert.True(epochs.ContainsKey(span.ParentSpanId) || span.ParentSpanId == whole.SpanId, span.Name));
        Assert.Contains(spans, span => span.Name == "evaluation" && epochs.ContainsKey(span.ParentSpanId));
        Assert.All(spans.Where(span => span.Name == "checkpoint"), span => Assert.True(Attribute(span, "selfsup.checkpoint.size") > 1000));
        Assert.All(spans, span => Assert.NotEqual(Status.Types.StatusCode.Error, span.Status?.Code ?? Status.Types.StatusCode.Unset));

        var restart = Assert.Single(spans, span => span.Name == "restart");
        Assert.Equal(("SIGKILL", whole.SpanId), (OtlpReceiver.Values(restart.Attributes)["selfsup.restart.signal"], restart.ParentSpanId));
        Assert.True(restart.EndTimeUnixNano > restart.StartTimeUnixNano);
    }

    [Fact]
    public void WhatARunTellsIsLogged()
    {
        bool Said(OtlpReceiver.Received received, SeverityNumber severity, string text, bool inSpan = true) => received.Logs.Any(log =>
            log.SeverityNumber == severity && log.Body.StringValue.Contains(text, StringComparison.Ordinal) && (log.SpanId == ByteString.Empty) != inSpan);

        Assert.True(Said(run.Receiver.Grpc, SeverityNumber.Info, "256 images, from step 0 to", inSpan: false));
        Assert.True(Said(run.Receiver.Grpc, SeverityNumber.Info, "Step 0: knn 0."));
        Assert.True(Said(run.Receiver.Grpc, SeverityNumber.Info, "Step 30: checkpoint "));
        Assert.True(Said(run.Receiver.Http, SeverityNumber.Info, "Stopped after step", inSpan: false)); // sent after SIGTERM
        var record = run.Receiver.Grpc.Logs.First(log => log.Body.StringValue.StartsWith("Step 0: knn 0.", StringComparison.Ordinal));
        Assert.Equal("0", OtlpReceiver.Values(record.Attributes)["Step"]);
    }

    [Fact]
    public void TelemetryMayChangeWhenARunGoesOn()
    {
        Assert.Equal(143, run.Outcome.ExitCode);
        Assert.DoesNotContain(run.Files.History, happened => happened.Event is Training.RunEventKind.Changed or Training.RunEventKind.Failed);
        Assert.NotEmpty(run.Receiver.Http.Metrics);
    }

    /// <summary>Metrics are sent every minute, which is longer than this run.</summary>
    [Fact]
    public void AShortRunIsExportedWholeAndATakenPortCostsItsEndpointOnly()
    {
        using var workspace = new Workspace();
        using var receiver = new OtlpReceiver(workspace["received"]);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var process = SelfSupProcess.Start(
            workspace["."],
            [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Grpc.Address), ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=vision")],
            "pretrain", "tiny.yaml", "--run", "run", "--set", "training.maxSteps=4", "--set",
            string.Create(CultureInfo.InvariantCulture, $"telemetry.prometheus.port={((IPEndPoint)taken.LocalEndpoint).Port}"));
        process.Wait().IsOneLine(0, "Prometheus cannot read metrics there (", "training goes on without");

        var metrics = receiver.Grpc.Read().Metrics;
        Assert.Equal(4, Sum(metrics, "selfsup.training.steps"));
        Assert.True(Sum(metrics, "selfsup.data.images.decoded") >= 4 * 32);
        Assert.True(Sum(metrics, "selfsup.run.heartbeats") >= 4);
        Assert.Equal((0, 0), (Sum(metrics, "selfsup.data.images.unreadable"), Sum(metrics, "selfsup.run.restarts")));
        Assert.True(Sum(metrics, "process.memory.usage") > 50_000_000);
    }

    /// <summary>Expressions of the alerts.</summary>
    private static IEnumerable<string> Alerts =>
        Expressions().Matches(File.ReadAllText(Path.Combine(PrometheusServer.Folder, "alerts.yml"))).Select(match => match.Value);

    private OtlpReceiver.Received Of(string protocol) => protocol == "grpc" ? run.Receiver.Grpc : run.Receiver.Http;

    private static long Sum(Dictionary<string, Metric> metrics, string name) => metrics[name].Sum.DataPoints.Sum(point => point.AsInt);

    private static long Attribute(Span span, string key) =>
        long.Parse(OtlpReceiver.Values(span.Attributes).GetValueOrDefault(key, "0"), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?<=\n +expr:).*?(?=\n +(for|labels):)", RegexOptions.Singleline)]
    private static partial Regex Expressions();

    [GeneratedRegex(@"\b(by|on) \([^)]*\)")]
    private static partial Regex Groups();

    [GeneratedRegex(@"^\w+(?=[{ ])", RegexOptions.Multiline)]
    private static partial Regex Samples();
}
