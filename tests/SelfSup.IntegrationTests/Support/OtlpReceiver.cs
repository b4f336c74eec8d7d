using System.Diagnostics;
using System.Globalization;

using Google.Protobuf.Collections;

using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Logs.V1;
using OpenTelemetry.Proto.Metrics.V1;
using OpenTelemetry.Proto.Trace.V1;

namespace SelfSup.IntegrationTests.Support;

/// <summary>A collector, <c>SelfSup.Collector</c>, and what it was sent.</summary>
internal sealed class OtlpReceiver : IDisposable
{
    private readonly Process _process;

    /// <param name="folder">A folder for what comes.</param>
    public OtlpReceiver(string folder)
    {
        Directory.CreateDirectory(folder);
        var (grpcPort, httpPort) = (Ports.Free(), Ports.Free());
        _process = Process.Start(new ProcessStartInfo(
            Program, [folder, grpcPort.ToString(CultureInfo.InvariantCulture), httpPort.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("ready", _process.StandardOutput.ReadLine());
        (Grpc, Http) = (new Received(folder, "grpc", grpcPort), new Received(folder, "http", httpPort));
    }

    /// <summary>What came over gRPC.</summary>
    public Received Grpc { get; }

    /// <summary>What came over HTTP.</summary>
    public Received Http { get; }

    /// <summary>artifacts/bin has a folder for each project, and in it the same configuration as here.</summary>
    private static string Program => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "SelfSup.Collector", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "SelfSup.Collector"));

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Attributes as text.</summary>
    public static Dictionary<string, string> Values(IEnumerable<KeyValue> attributes) => attributes.ToDictionary(
        attribute => attribute.Key,
        attribute => attribute.Value.ValueCase == AnyValue.ValueOneofCase.StringValue
            ? attribute.Value.StringValue
            : attribute.Value.IntValue.ToString(CultureInfo.InvariantCulture));

    /// <summary>What came by one protocol.</summary>
    internal sealed class Received(string folder, string protocol, int port)
    {
        private string _last = "";

        /// <summary>Where it is sent.</summary>
        public string Address { get; } = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

        /// <summary>Metrics by their names, the newest of each.</summary>
        public Dictionary<string, Metric> Metrics { get; } = [];

        /// <summary>Spans.</summary>
        public List<Span> Spans { get; } = [];

        /// <summary>Log records.</summary>
        public List<LogRecord> Logs { get; } = [];

        /// <summary>Attributes of the resources by the signal.</summary>
        public Dictionary<string, Dictionary<string, string>> Resources { get; } = [];

        /// <summary>Names of meters and sources.</summary>
        public HashSet<string> Scopes { get; } = [];

        /// <summary>What was not as the protocol asks.</summary>
        public List<string> Problems { get; } = [];

        /// <summary>Reads what has come since it was last asked.</summary>
        public Received Read()
        {
            var names = Directory.EnumerateFiles(folder, $"{protocol}-*").Where(path => !path.EndsWith(".part", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
            foreach (var name in names.Where(name => string.CompareOrdinal(name, _last) > 0).ToArray())
            {
                Add(File.ReadAllBytes(name), name[(name.LastIndexOf('-') + 1)..]);
                _last = name;
            }

            return this;
        }

        private void Add(byte[] message, string signal)
        {
            switch (signal)
            {
                case "metrics":
                    foreach (var resource in ExportMetricsServiceRequest.Parser.ParseFrom(message).ResourceMetrics)
                    {
                        From(signal, resource.Resource.Attributes, resource.ScopeMetrics.Select(scope => scope.Scope));
                        foreach (var metric in resource.ScopeMetrics.SelectMany(scope => scope.Metrics))
                        {
                            Metrics[metric.Name] = metric;
                        }
                    }

                    break;
                case "traces":
                    foreach (var resource in ExportTraceServiceRequest.Parser.ParseFrom(message).ResourceSpans)
                    {
                        From(signal, resource.Resource.Attributes, resource.ScopeSpans.Select(scope => scope.Scope));
                        Spans.AddRange(resource.ScopeSpans.SelectMany(scope => scope.Spans));
                    }

                    break;
                case "logs":
                    foreach (var resource in ExportLogsServiceRequest.Parser.ParseFrom(message).ResourceLogs)
                    {
                        From(signal, resource.Resource.Attributes, []);
                        Logs.AddRange(resource.ScopeLogs.SelectMany(scope => scope.LogRecords));
                    }

                    break;
                default:
                    Problems.Add(System.Text.Encoding.UTF8.GetString(message));
                    break;
            }
        }

        private void From(string signal, RepeatedField<KeyValue> attributes, IEnumerable<InstrumentationScope> scopes)
        {
            Resources[signal] = Values(attributes);
            Scopes.UnionWith(scopes.Select(scope => scope.Name));
        }
    }
}
