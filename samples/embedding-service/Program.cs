// Embeddings of images over HTTP, by an exported network and ONNX Runtime alone: see README.md.
//   selfsup export runs/quickstart --format onnx --out backbone.onnx --l2
//   dotnet run -c Release --project samples/embedding-service -- --model backbone.onnx
//   curl --data-binary @photo.jpg http://127.0.0.1:5080/embed

using System.Threading.RateLimiting;

using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.ML.OnnxRuntime;

using SelfSup.Samples.EmbeddingService;

var builder = WebApplication.CreateSlimBuilder(args);
var options = builder.Configuration.Get<ServiceOptions>() ?? new ServiceOptions();
if (builder.Configuration["urls"] is null)
{
    builder.WebHost.UseUrls("http://127.0.0.1:5080"); // for this machine alone, unless --urls says otherwise
}

EmbeddingModel model;
try
{
    model = new EmbeddingModel(options);
}
catch (Exception e) when (e is InvalidDataException or OnnxRuntimeException or ArgumentException)
{
    Console.Error.WriteLine($"embedding-service: {e.Message.ReplaceLineEndings(" ")}");
    return 2;
}

builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
builder.Services.AddSingleton(model);
builder.Services.AddProblemDetails();
builder.Services.Configure<FormOptions>(form => form.MultipartBodyLengthLimit = options.MaxBodyBytes);
builder.WebHost.ConfigureKestrel(server => server.Limits.MaxRequestBodySize = options.MaxBodyBytes);
// Each request decodes and computes on one core: more at a time would only take more memory.
builder.Services.AddRateLimiter(limiter =>
{
    limiter.RejectionStatusCode = StatusCodes.Status503ServiceUnavailable;
    limiter.AddConcurrencyLimiter("cores", cores => (cores.PermitLimit, cores.QueueLimit, cores.QueueProcessingOrder) =
        (Environment.ProcessorCount, options.MaxWaiting, QueueProcessingOrder.OldestFirst));
});

await using var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.UseRateLimiter();
app.MapGet("/health", (EmbeddingModel loaded) => loaded.Facts);
app.MapPost("/embed", Requests.Embed).RequireRateLimiting("cores");
await app.RunAsync();
model.Dispose();
return 0;
