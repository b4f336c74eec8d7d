using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

using SelfSup.Telemetry;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// All exporters of a run, and those who listen to them, in this process. Metrics are sent and scraped when it is asked for.
/// </summary>
internal sealed class TelemetrySink : IDisposable
{
    private readonly HttpListener _collector = new();
    private readonly MeterProvider _otlp;
    private readonly MeterProvider _prometheus;
    private readonly TracerProvider _traces;
    private readonly HttpClient _client = new();
    private readonly Uri _address;
    private long _requests;
    private long _scrapes;

    public TelemetrySink()
    {
        var (collector, prometheus) = (FreePort(), FreePort());
        _collector.Prefixes.Add(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{collector}/"));
        _collector.Start();
        new Thread(Collect) { IsBackground = true }.Start();
        void Http(OtlpExporterOptions options, string signal) =>
            (options.Protocol, options.Endpoint) = (OtlpExportProtocol.HttpProtobuf, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{collector}/v1/{signal}")));

        _otlp = Sdk.CreateMeterProviderBuilder().AddMeter(TrainingMetrics.SourceName).AddOtlpExporter((options, reader) =>
        {
            Http(options, "metrics");
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = 3_600_000;
        }).Build();
        _traces = Sdk.CreateTracerProviderBuilder().AddSource(TrainingMetrics.SourceName).AddOtlpExporter(options => Http(options, "traces")).Build();
        _prometheus = Sdk.CreateMeterProviderBuilder().AddMeter(TrainingMetrics.SourceName).AddPrometheusHttpListener(options => options.Port = prometheus).Build();
        _address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{prometheus}/metrics"));
    }

    /// <summary>What was sent.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>What was read.</summary>
    public long Scrapes => Interlocked.Read(ref _scrapes);

    /// <summary>Sends all metrics once and lets them be read once.</summary>
    public void Export()
    {
        _otlp.ForceFlush();
        using var answer = _client.Send(new HttpRequestMessage(HttpMethod.Get, _address));
        using var body = answer.Content.ReadAsStream();
        body.CopyTo(Stream.Null);
        Interlocked.Increment(ref _scrapes);
    }

    public void Dispose()
    {
        _otlp.Dispose();
        _traces.Dispose();
        _prometheus.Dispose();
        _collector.Close();
        _client.Dispose();
    }

    private void Collect()
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                var context = _collector.GetContext();
                while (context.Request.InputStream.Read(buffer) > 0)
                {
                }

                context.Response.Close();
                Interlocked.Increment(ref _requests);
            }
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            // The round has ended.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>Makes meters without a host.</summary>
internal sealed class Meters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose() => _meters.ForEach(meter => meter.Dispose());
}
