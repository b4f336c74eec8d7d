using System.ComponentModel.DataAnnotations;

namespace SelfSup.Recipes;

/// <summary><c>telemetry.otlp</c>: a collector that metrics, spans and logs are sent to.</summary>
internal sealed class OtlpOptions
{
    /// <summary>Its address, http or https, with the port: collectors listen on 4317 for grpc and 4318 for httpProtobuf.</summary>
    [Required]
    [RegularExpression(@"https?://[^\s/]+(/\S*)?", ErrorMessage = "must be an address such as http://localhost:4317")]
    public string? Endpoint { get; set; }

    /// <summary>How they are sent.</summary>
    public OtlpProtocol Protocol { get; set; } = OtlpProtocol.Grpc;
}

/// <summary>How telemetry is sent.</summary>
internal enum OtlpProtocol
{
    /// <summary>Over gRPC.</summary>
    Grpc,

    /// <summary>As protobuf over HTTP 1.1.</summary>
    HttpProtobuf,
}
