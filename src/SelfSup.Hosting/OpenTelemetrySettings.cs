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
    private const string Otlp = "otlp";
    private const string PrometheusName = "prometheus";

    private static readonly string[] _signals = ["TRACES", "METRICS", "LOGS"];

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

        if (bool.TryParse(Value("OTEL_SDK_DISABLED"), out var isDisabled) && isDisabled)
        {
            return new OpenTelemetrySettings(false, false, false, null);
        }

        var variables = environment.Where(variable => Value(variable.Key) is not null).ToDictionary(variable => variable.Key, variable => (string?)variable.Value);
        if (recipe.Otlp is { } otlp && Value(Endpoint) is null)
        {
            variables[Endpoint] = otlp.Endpoint;
            if (Value(Protocol) is null)
            {
                variables[Protocol] = otlp.Protocol == OtlpProtocol.Grpc ? "grpc" : "http/protobuf";
            }
        }

        foreach (var name in new[] { Endpoint }.Concat(_signals.Select(EndpointOf)))
        {
            if (Value(name) is { } address && !(Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            {
                warnings.Add($"{name}: is '{address}', must be an address such as http://localhost:4317; it is left out");
                variables.Remove(name);
            }
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
            Exports("METRICS", [], toPrometheus: true) ? Address() : null)
        {
            Variables = variables,
            Warnings = warnings,
        };

        PrometheusAddress Address()
        {
            var options = recipe.Prometheus ?? new PrometheusOptions();
            var (host, port) = (Value("OTEL_EXPORTER_PROMETHEUS_HOST") ?? options.Host, options.Port);
            if (Value("OTEL_EXPORTER_PROMETHEUS_PORT") is { } text)
            {
                if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given is > 0 and < 65536)
                {
                    port = given;
                }
                else
                {
                    warnings.Add($"OTEL_EXPORTER_PROMETHEUS_PORT: is '{text}', must be from 1 to 65535; {port} is used");
                }
            }

            return new PrometheusAddress(host is "0.0.0.0" or "::" or "*" ? "+" : host, port + localRank);
        }
    }

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
