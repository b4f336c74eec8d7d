using System.Globalization;
using System.Net;
using System.Net.Sockets;

using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

using SelfSup.Hosting;
using SelfSup.Telemetry;

namespace SelfSup.Cli;

/// <summary>
/// Where Prometheus reads a run's metrics, <c>/metrics</c>. Requests that ask for another host than it listens on are refused, so that no page
/// in a browser of this machine can read it by a name of its own. Metrics have a reader of their own here: what a collector does is
/// nothing to it.
/// </summary>
internal static class PrometheusEndpoint
{
    private const string Loopback = "localhost";

    /// <summary>Opens it. A port that is taken costs metrics and not the run.</summary>
    /// <param name="address">Where; null for nowhere.</param>
    /// <param name="resource">Whose metrics they are.</param>
    /// <param name="warn">Told where it cannot be opened.</param>
    /// <returns>What closes it, or null.</returns>
    public static IDisposable? Open(PrometheusAddress? address, Action<ResourceBuilder> resource, Action<string> warn)
    {
        if (address is null)
        {
            return null;
        }

        try
        {
            return Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource)
                .AddMeter(TrainingMetrics.SourceName)
                .AddPrometheusHttpListener(options =>
                {
                    options.ConfigureHttpListener = (_, listener) => Listen(listener, address);
                    // What tells runs and ranks apart is in every series, the rest in target_info.
                    options.ResourceConstantLabels = attribute => attribute is "selfsup.run.folder" or "selfsup.run.name" or "selfsup.method" or "selfsup.rank";
                    options.ScopeInfoEnabled = false;
                })
                .Build();
        }
        catch (Exception e) when (ReasonOf(e) is HttpListenerException or SocketException or ArgumentException)
        {
            warn($"{address}: Prometheus cannot read metrics there ({ReasonOf(e).Message.TrimEnd('.')}); training goes on without, take another port or host "
                + "(telemetry.prometheus, OTEL_EXPORTER_PROMETHEUS_PORT)");
            return null;
        }
    }

    /// <summary>What the exporter wraps where it cannot listen.</summary>
    private static Exception ReasonOf(Exception error) => error is InvalidOperationException { InnerException: { } inner } ? inner : error;

    private static void Listen(HttpListener listener, PrometheusAddress address)
    {
        string[] names = address.Host is Loopback or "127.0.0.1" ? [Loopback, "127.0.0.1"] : [address.Host];
        listener.Prefixes.Clear();
        foreach (var name in names)
        {
            listener.Prefixes.Add(string.Create(CultureInfo.InvariantCulture, $"http://{name}:{address.Port}/metrics/"));
        }
    }
}
