using Microsoft.Extensions.DependencyInjection;

using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

using SelfSup.Recipes;
using SelfSup.Telemetry;
using SelfSup.Training;

namespace SelfSup.Hosting;

internal static class OpenTelemetryExtensions
{
    /// <summary>
    /// Exports metrics and spans over OTLP. Where to, how often and with which headers is set by OpenTelemetry's standard
    /// variables, <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> first of all; call this only where that is set.
    /// </summary>
    public static IServiceCollection AddSelfSupTelemetry(this IServiceCollection services, Recipe recipe)
    {
        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("selfsup", serviceVersion: RunIdentity.Version)
                .AddAttributes(
                [
                    new("selfsup.run.name", recipe.Run.Name!),
                    new("selfsup.method", recipe.Method!.Name),
                    new("selfsup.rank", 0),
                ]))
            .WithMetrics(metrics => metrics.AddMeter(TrainingMetrics.SourceName).AddOtlpExporter())
            .WithTracing(tracing => tracing.AddSource(TrainingMetrics.SourceName).AddOtlpExporter());
        return services;
    }
}
