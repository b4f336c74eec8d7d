using System.Security.Cryptography;
using System.Text;

using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using OpenTelemetry.Logs;
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
    /// Sends metrics, spans and logs of a run over OTLP, as far as the settings say so. What waits is sent when the host is disposed,
    /// for five seconds a signal at most; a collector that is away or slow loses telemetry and holds nothing up.
    /// </summary>
    /// <param name="builder">The host.</param>
    /// <param name="settings">What goes where.</param>
    /// <param name="resource">Whose telemetry it is.</param>
    public static void AddSelfSupTelemetry(
        this IHostApplicationBuilder builder, OpenTelemetrySettings settings, Action<ResourceBuilder> resource)
    {
        builder.Configuration.AddInMemoryCollection(settings.Variables);
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(resource);
        if (settings.Metrics)
        {
            telemetry.WithMetrics(metrics => metrics.AddMeter(TrainingMetrics.SourceName).AddOtlpExporter());
        }

        if (settings.Traces)
        {
            telemetry.WithTracing(tracing => tracing.AddSource(TrainingMetrics.SourceName).AddOtlpExporter());
        }

        if (settings.Logs)
        {
            telemetry.WithLogging(logging => logging.AddOtlpExporter(), options => options.IncludeFormattedMessage = true);
        }
    }

    /// <summary>Whose telemetry it is; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before it.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="runDirectory">Where the run's files are.</param>
    /// <param name="rank">Which rank this is.</param>
    /// <param name="variables">Those variables.</param>
    public static Action<ResourceBuilder> Resource(
        Recipe recipe, string runDirectory, int rank, IReadOnlyDictionary<string, string?> variables) => resource => resource
        .AddService("selfsup", serviceVersion: RunIdentity.Version, serviceInstanceId: InstanceOf(runDirectory, rank))
        .AddAttributes(
        [
            new("selfsup.run.folder", runDirectory), // which run it is, on all ranks: a recipe may have many
            new("selfsup.run.name", recipe.Run.Name!),
            new("selfsup.method", recipe.Method!.Name),
            new("selfsup.rank", (long)rank),
            new("host.name", Environment.MachineName),
        ])
        .AddDetector(new VariablesDetector(variables));

    /// <summary>The same for a run that was started again, and another for every other run and rank.</summary>
    private static string InstanceOf(string runDirectory, int rank) =>
        new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{Environment.MachineName}\n{runDirectory}\n{rank}")).AsSpan(0, 16)).ToString();

    /// <summary>OpenTelemetry's own detector reads the variables too, but what comes after it goes before it.</summary>
    private sealed class VariablesDetector(IReadOnlyDictionary<string, string?> variables) : IResourceDetector
    {
        public Resource Detect() => ResourceBuilder.CreateEmpty().AddAttributes(Attributes()).Build();

        private Dictionary<string, object> Attributes()
        {
            var attributes = new Dictionary<string, object>();
            foreach (var pair in (variables.GetValueOrDefault("OTEL_RESOURCE_ATTRIBUTES") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (pair.Split('=', 2) is [var key, var value])
                {
                    attributes[key.Trim()] = Uri.UnescapeDataString(value.Trim());
                }
            }

            if (variables.GetValueOrDefault("OTEL_SERVICE_NAME") is { Length: > 0 } name)
            {
                attributes["service.name"] = name;
            }

            return attributes;
        }
    }
}
