using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net;

using Microsoft.AspNetCore.Server.Kestrel.Core;

// A collector of OpenTelemetry that keeps what it is sent, each message in a file as it came: SelfSup.Collector FOLDER GRPC-PORT HTTP-PORT. One
// port speaks gRPC, which is HTTP/2 with frames of five bytes before each message, the other protobuf over HTTP/1.1. It is a program of its
// own because what trains must run without ASP.NET Core.
var folder = args[0];
var number = 0;
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPAddress.Loopback, Port(args[1]), listen => listen.Protocols = HttpProtocols.Http2);
    kestrel.Listen(IPAddress.Loopback, Port(args[2]), listen => listen.Protocols = HttpProtocols.Http1);
});
var server = builder.Build();
server.Run(Receive);
server.Lifetime.ApplicationStarted.Register(() => Console.WriteLine("ready"));
await server.RunAsync();
return;

static int Port(string text) => int.Parse(text, CultureInfo.InvariantCulture);

async Task Receive(HttpContext context)
{
    using var memory = new MemoryStream();
    Stream sent = context.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
    await sent.CopyToAsync(memory, context.RequestAborted);
    var body = memory.ToArray();
    var isGrpc = context.Request.ContentType == "application/grpc";
    var problem = context.Request.Headers["x-team"] != "vision" ? "header x-team is missing"
        : isGrpc && (body.Length < 5 || body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - 5) ? $"a frame of {body.Length} bytes"
        : !isGrpc && context.Request.ContentType != "application/x-protobuf" ? $"content type {context.Request.ContentType}"
        : null;
    var signal = context.Request.Path.Value switch
    {
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" when isGrpc => "metrics",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" when isGrpc => "traces",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" when isGrpc => "logs",
        "/v1/metrics" when !isGrpc => "metrics",
        "/v1/traces" when !isGrpc => "traces",
        "/v1/logs" when !isGrpc => "logs",
        _ => null,
    };
    problem ??= signal is null ? $"nobody asks for {context.Request.Path}" : null;
    var name = Path.Combine(
        folder,
        string.Create(CultureInfo.InvariantCulture, $"{(isGrpc ? "grpc" : "http")}-{Interlocked.Increment(ref number):D6}-{(problem is null ? signal : "problem")}"));
    await File.WriteAllBytesAsync(name + ".part", problem is null ? isGrpc ? body[5..] : body : System.Text.Encoding.UTF8.GetBytes(problem));
    File.Move(name + ".part", name);

    context.Response.ContentType = context.Request.ContentType;
    if (isGrpc)
    {
        await context.Response.Body.WriteAsync(new byte[5]); // an empty message: all was taken
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
