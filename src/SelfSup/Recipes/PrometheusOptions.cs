using System.ComponentModel.DataAnnotations;

namespace SelfSup.Recipes;

/// <summary><c>telemetry.prometheus</c>: a place where Prometheus reads the run's metrics, <c>/metrics</c>.</summary>
internal sealed class PrometheusOptions
{
    /// <summary>
    /// The name or address that it listens on and is asked for by: requests for another host are refused. localhost is this machine only,
    /// and + every address and name: whoever reaches the port can read what the run does then.
    /// </summary>
    [RegularExpression(@"\+|[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", ErrorMessage = "must be a host such as localhost, 10.0.0.7, [::1] or +")]
    public string Host { get; set; } = "localhost";

    /// <summary>The port; of several ranks on a machine the next ones have the next ports.</summary>
    [Range(1, 65535)]
    public int Port { get; set; } = 9464;
}
