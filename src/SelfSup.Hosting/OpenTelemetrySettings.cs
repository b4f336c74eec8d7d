using System.Globalization;

using SelfSup.Recipes;

namespace SelfSup.Hosting;

/// <summary>
/// Which telemetry of a run goes where: OpenTelemetry's variables decide, and the recipe where they say nothing. Nothing is exported
/// where neither names a place.
/// </summary>
/// <param name="Traces">Spans go out over OTLP.</param>
/// <param name="Metrics">Metrics go out over OTLP.</param>
/// <param name="Logs">What the run tells goes out over OTLP.</param>
/// <param name="Prometheus">Where Prometheus reads metrics; null for nowhere.</param>
internal sealed record OpenTelemetrySettings(bool Traces, bool Metrics, bool Logs, PrometheusAddress? Prometheus)
{
    /// <summary>What the variables begin with.</summary>
    public const string Prefix = "OTEL_";

    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
    private const string Grpc = "grpc";
    private const string HttpProtobuf = "http/protobuf";
    private const string PrometheusHost = "OTEL_EXPORTER_PROMETHEUS_HOST";
    private const string PrometheusPort = "OTEL_EXPORTER_PROMETHEUS_PORT";
    private const string Otlp = "otlp";
    private const string PrometheusName = "prometheus";

    private static readonly string[] _signals = ["TRACES", "METRICS", "LOGS"];

    private static readonly string[] _milliseconds =
    [
        .. OfAllAndEach("TIMEOUT"), "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_EXPORT_TIMEOUT",
    ];

    /// <summary>Whether anything goes out over OTLP.</summary>
    public bool UsesOtlp => Traces || Metrics || Logs;

    /// <summary>The variables that OpenTelemetry's own code reads, with what the recipe adds.</summary>
    public IReadOnlyDictionary<string, string?> Variables { get; private init; } = new Dictionary<string, string?>();

    /// <summary>What of the variables is not understood, and what happens then.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Decides.</summary>
    /// <param name="recipe">The <c>telemetry</c> section.</param>
    /// <param name="environment">The variables that begin with <see cref="Prefix"/>.</param>
    /// <param name="localRank">This rank among those of its machine, which has a port of its own.</param>
    public static OpenTelemetrySettings Of(TelemetryOptions recipe, IReadOnlyDictionary<string, string> environment, int localRank)
    {
        var warnings = new List<string>();
        string? Value(string name) => environment.GetValueOrDefault(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

        if (Value("OTEL_SDK_DISABLED") is { } switched)
        {
            if (!bool.TryParse(switched, out var isDisabled))
            {
                warnings.Add($"OTEL_SDK_DISABLED: is '{switched}', must be true or false; it is left out");
            }
            else if (isDisabled)
            {
                return new OpenTelemetrySettings(false, false, false, null);
            }
        }

        var variables = environment.Where(variable => Value(variable.Key) is not null).ToDictionary(variable => variable.Key, variable => (string?)variable.Value);
        foreach (var name in OfAllAndEach("ENDPOINT"))
        {
            if (Value(name) is { } address && !(Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            {
                LeaveOut(name, "an address such as http://localhost:4317");
            }
        }

        foreach (var name in OfAllAndEach("PROTOCOL").Where(name => Value(name) is not (null or Grpc or HttpProtobuf)))
        {
            LeaveOut(name, $"{Grpc} or {HttpProtobuf}");
        }

        foreach (var name in _milliseconds.Where(name =>
            Value(name) is { } text && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0)))
        {
            LeaveOut(name, "milliseconds, 1 or more");
        }

        if (recipe.Otlp is { } otlp && !variables.ContainsKey(Endpoint))
        {
            variables[Endpoint] = otlp.Endpoint;
            _ = variables.TryAdd(Protocol, otlp.Protocol == OtlpProtocol.Grpc ? Grpc : HttpProtobuf);
        }

        void LeaveOut(string name, string must)
        {
            warnings.Add($"{name}: is '{Value(name)}', must be {must}; it is left out");
            variables.Remove(name);
        }

        bool Exports(string signal, string[] known, bool toPrometheus = false)
        {
            var wanted = toPrometheus ? PrometheusName : Otlp;
            var name = $"OTEL_{signal}_EXPORTER";
            if (Value(name) is not { } list)
            {
                return toPrometheus ? recipe.Prometheus is not null : variables.ContainsKey(Endpoint) || variables.ContainsKey(EndpointOf(signal));
            }

            var exporters = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            if (!toPrometheus && exporters.Except([.. known, "none"]).ToArray() is { Length: > 0 } unknown)
            {
                warnings.Add($"{name}: there is no exporter {string.Join(", ", unknown)}, only {string.Join(", ", known)} and none; it is left out");
            }

            return exporters.Contains(wanted);
        }

        return new OpenTelemetrySettings(
            Exports("TRACES", [Otlp]),
            Exports("METRICS", [Otlp, PrometheusName]),
            Exports("LOGS", [Otlp]),
            Exports("METRICS", [], toPrometheus: true) ? Address() : Nowhere())
        {
            Variables = variables,
            Warnings = warnings,
        };

        PrometheusAddress? Nowhere()
        {
            warnings.AddRange(new[] { PrometheusHost, PrometheusPort }.Where(name => Value(name) is not null).Select(name =>
                $"{name}: changes nothing, for Prometheus reads no metrics here; set OTEL_METRICS_EXPORTER=prometheus or telemetry.prometheus"));
            return null;
        }

        PrometheusAddress Address()
        {
            var options = recipe.Prometheus ?? new PrometheusOptions();
            var (host, port) = (Value(PrometheusHost) ?? options.Host, options.Port);
            if (Value(PrometheusPort) is { } text)
            {
                if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given is > 0 and < 65536)
                {
                    port = given;
                }
                else
                {
                    warnings.Add($"{PrometheusPort}: is '{text}', must be from 1 to 65535; {port} is used");
                }
            }

            return new PrometheusAddress(host is "0.0.0.0" or "::" or "*" ? "+" : host, port + localRank);
        }
    }

    /// <summary>The variables of one setting, for all signals and for each.</summary>
    private static IEnumerable<string> OfAllAndEach(string setting) =>
        _signals.Select(signal => $"OTEL_EXPORTER_OTLP_{signal}_{setting}").Prepend($"OTEL_EXPORTER_OTLP_{setting}");

    private static string EndpointOf(string signal) => $"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT";
}

/// <summary>Where Prometheus reads metrics.</summary>
/// <param name="Host">The name or address that it is asked for by; + for any.</param>
/// <param name="Port">The port.</param>
internal sealed record PrometheusAddress(string Host, int Port)
{
    /// <summary>For people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"http://{(Host == "+" ? "0.0.0.0" : Host)}:{Port}/metrics");
}
