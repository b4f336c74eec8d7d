using SelfSup.Hosting;
using SelfSup.Recipes;

namespace SelfSup.Tests.Hosting;

/// <summary>What goes where: OpenTelemetry's variables, and the recipe where they say nothing.</summary>
public sealed class OpenTelemetrySettingsTests
{
    private static readonly TelemetryOptions _nothing = new();

    private static readonly TelemetryOptions _both = new()
    {
        Otlp = new OtlpOptions { Endpoint = "http://collector:4318", Protocol = OtlpProtocol.HttpProtobuf },
        Prometheus = new PrometheusOptions { Port = 9500 },
    };

    [Fact]
    public void NothingGoesAnywhereUntilAPlaceIsNamed()
    {
        var settings = Of(_nothing);
        Assert.Equal((false, null), (settings.UsesOtlp, settings.Prometheus));
        Assert.False(Of(_nothing, ("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")).UsesOtlp);
    }

    [Fact]
    public void AnAddressSendsAllSignals()
    {
        var settings = Of(_nothing, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"));
        Assert.Equal((true, true, true, null), (settings.Traces, settings.Metrics, settings.Logs, settings.Prometheus));
    }

    [Fact]
    public void AnAddressOfOneSignalSendsThatOne()
    {
        var settings = Of(_nothing, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces:4318/v1/traces"));
        Assert.Equal((true, false, false), (settings.Traces, settings.Metrics, settings.Logs));
    }

    [Fact]
    public void ExportersAreChosenByName()
    {
        var settings = Of(
            _both, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "prometheus, otlp"), ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "9600"), ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0"));
        Assert.Equal((false, true, true), (settings.Traces, settings.Metrics, settings.Logs));
        Assert.Equal(new PrometheusAddress("+", 9600), settings.Prometheus);
        Assert.Null(Of(_both, ("OTEL_METRICS_EXPORTER", "otlp")).Prometheus);
        Assert.Null(Of(_both, ("OTEL_METRICS_EXPORTER", "none")).Prometheus);
        Assert.False(Of(_both, ("OTEL_METRICS_EXPORTER", "prometheus")).Metrics);
        Assert.Equal(new PrometheusAddress("localhost", 9464), Of(_nothing, ("OTEL_METRICS_EXPORTER", "prometheus")).Prometheus);
        Assert.True(Of(_nothing, ("OTEL_LOGS_EXPORTER", "otlp")).Logs); // to the address that the specification has
    }

    [Fact]
    public void TheRecipeCountsWhereVariablesSayNothing()
    {
        var settings = Of(_both);
        Assert.Equal((true, true, true, new PrometheusAddress("localhost", 9500)), (settings.Traces, settings.Metrics, settings.Logs, settings.Prometheus));
        Assert.Equal(
            ("http://collector:4318", "http/protobuf"),
            (settings.Variables["OTEL_EXPORTER_OTLP_ENDPOINT"], settings.Variables["OTEL_EXPORTER_OTLP_PROTOCOL"]));

        var variables = Of(_both, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:4317")).Variables;
        Assert.Equal("http://other:4317", variables["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        Assert.DoesNotContain("OTEL_EXPORTER_OTLP_PROTOCOL", variables.Keys); // the recipe's belongs to its address
    }

    [Theory]
    [InlineData("true")]
    [InlineData("True")]
    public void AllOfItCanBeSwitchedOff(string value)
    {
        var settings = Of(_both, ("OTEL_SDK_DISABLED", value));
        Assert.Equal((false, null), (settings.UsesOtlp, settings.Prometheus));
    }

    [Fact]
    public void RanksOfAMachineHavePortsOfTheirOwn() =>
        Assert.Equal(9503, OpenTelemetrySettings.Of(_both, new Dictionary<string, string>(), localRank: 3).Prometheus!.Port);

    [Fact]
    public void WhatIsNotUnderstoodIsSaidAndStopsNothing()
    {
        var settings = Of(
            _nothing, ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317"), ("OTEL_METRICS_EXPORTER", "prometheus,statsd"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "http"));
        Assert.Equal(
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT: is 'localhost:4317', must be an address such as http://localhost:4317; it is left out",
                "OTEL_METRICS_EXPORTER: there is no exporter statsd, only otlp, prometheus and none; it is left out",
                "OTEL_EXPORTER_PROMETHEUS_PORT: is 'http', must be from 1 to 65535; 9464 is used",
            ],
            settings.Warnings);
        Assert.Equal((false, 9464), (settings.UsesOtlp, settings.Prometheus!.Port));
    }

    [Fact]
    public void ValuesThatNobodyUnderstandsAreLeftOut()
    {
        var settings = Of(
            _both, ("OTEL_SDK_DISABLED", "1"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "GRPC"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"), ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0"), ("OTEL_METRIC_EXPORT_INTERVAL", "-500"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "3000"), ("OTEL_BSP_SCHEDULE_DELAY", "200"));
        Assert.Equal(
            [
                "OTEL_SDK_DISABLED: is '1', must be true or false; it is left out",
                "OTEL_EXPORTER_OTLP_PROTOCOL: is 'http/json', must be grpc or http/protobuf; it is left out",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: is 'GRPC', must be grpc or http/protobuf; it is left out",
                "OTEL_EXPORTER_OTLP_TIMEOUT: is '10s', must be milliseconds, 1 or more; it is left out",
                "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: is '0', must be milliseconds, 1 or more; it is left out",
                "OTEL_METRIC_EXPORT_INTERVAL: is '-500', must be milliseconds, 1 or more; it is left out",
            ],
            settings.Warnings);
        Assert.Equal(
            ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_PROTOCOL"],
            settings.Variables.Keys.Where(name => name != "OTEL_SDK_DISABLED").Order(StringComparer.Ordinal));
        Assert.Equal("http/protobuf", settings.Variables["OTEL_EXPORTER_OTLP_PROTOCOL"]); // the recipe's
        Assert.True(settings.UsesOtlp);
    }

    [Fact]
    public void APlaceForPrometheusNeedsItsExporter()
    {
        (string, string)[] place = [("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "9600")];
        Assert.Equal(
            [
                "OTEL_EXPORTER_PROMETHEUS_HOST: changes nothing, for Prometheus reads no metrics here; set OTEL_METRICS_EXPORTER=prometheus or telemetry.prometheus",
                "OTEL_EXPORTER_PROMETHEUS_PORT: changes nothing, for Prometheus reads no metrics here; set OTEL_METRICS_EXPORTER=prometheus or telemetry.prometheus",
            ],
            Of(_nothing, place).Warnings);
        Assert.Empty(Of(_both, place).Warnings);
        Assert.Empty(Of(_nothing, [.. place, ("OTEL_METRICS_EXPORTER", "prometheus")]).Warnings);
    }

    private static OpenTelemetrySettings Of(TelemetryOptions recipe, params (string Name, string Value)[] environment) =>
        OpenTelemetrySettings.Of(recipe, environment.ToDictionary(variable => variable.Name, variable => variable.Value), localRank: 0);
}
