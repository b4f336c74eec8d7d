using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text.Json;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

using SelfSup.Errors;
using SelfSup.Reports;

namespace SelfSup.Dashboard;

/// <summary>Serves a page that shows runs while they train: <c>selfsup dashboard</c>. It reads, and writes nothing.</summary>
internal sealed class DashboardServer : IAsyncDisposable
{
    // Visitors are a team's, and a browser asks for few things at a time.
    private const int MostConnections = 256;
    private const int MostCompared = 8;
    private const int LeastPoints = 100;

    private static readonly Dictionary<string, (string Type, Func<byte[]> Bytes)> _assets = new(StringComparer.Ordinal)
    {
        ["/"] = ("text/html; charset=utf-8", () => Own("dashboard.html")),
        ["/dashboard.js"] = ("text/javascript; charset=utf-8", () => Own("dashboard.js")),
        ["/icon.svg"] = ("image/svg+xml", () => Own("icon.svg")),
        [$"/{ReportAssets.Charts}"] = ("text/javascript; charset=utf-8", () => ReportAssets.Bytes(ReportAssets.Charts)),
        [$"/{ReportAssets.ChartLibrary}"] = ("text/javascript; charset=utf-8", () => ReportAssets.Bytes(ReportAssets.ChartLibrary)),
        [$"/{ReportAssets.ChartStyle}"] = ("text/css; charset=utf-8", () => ReportAssets.Bytes(ReportAssets.ChartStyle)),
        [$"/{ReportAssets.Page}"] = ("text/css; charset=utf-8", () => ReportAssets.Bytes(ReportAssets.Page)),
        ["/licences/uPlot.txt"] = ("text/plain; charset=utf-8", () => ReportAssets.Bytes(ReportAssets.ChartLicence)),
    };

    private readonly WebApplication _application;
    private readonly RunList _runs;
    private readonly SeriesCache _series;
    private readonly TimeProvider _time;

    private DashboardServer(DashboardOptions options, TimeProvider time)
    {
        _time = time;
        _runs = new RunList(new RunFolders(options.Runs), time);
        _series = new SeriesCache(options.CacheBytes);

        // Nothing of the environment and of files beside the program has a say in where it listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Limit(kestrel, options));
        builder.Services.AddRoutingCore();
        builder.Services.AddResponseCompression(compression => compression.Providers.Add<GzipCompressionProvider>());
        builder.Services.Configure<GzipCompressionProviderOptions>(gzip => gzip.Level = CompressionLevel.Fastest);
        _application = builder.Build();
        _application.Use(Report);
        _application.Use(new Guard(options).Invoke);
        _application.UseResponseCompression();
        _application.UseRouting();
        foreach (var path in _assets.Keys)
        {
            Map(path, Asset);
        }

        Map("/api/runs", List);
        Map("/api/run", Run);
        Map("/api/series", Series);
        Map("/api/comparison", Compare);
        _application.UseEndpoints(_ => { });
    }

    /// <summary>Told of what went wrong within; who asked is only told that it did.</summary>
    public Action<Exception>? Failed { get; init; }

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_application.Urls.First());

    /// <summary>Starts to listen.</summary>
    /// <param name="options">What it shows, and to whom.</param>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Told of what goes wrong within.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RecipeException">There is no such folder, or it cannot listen there, or others could visit without a token.</exception>
    public static async Task<DashboardServer> Start(
        DashboardOptions options, TimeProvider time, Action<Exception>? failed = null, CancellationToken cancellationToken = default)
    {
        if (options.Token is null && !IPAddress.IsLoopback(options.Address))
        {
            throw new RecipeException($"--host {options.Address}: others can visit it, who must know a token; name one with --token");
        }

        if (options.Token is { Length: < DashboardOptions.ShortestToken })
        {
            throw new RecipeException($"--token: has {options.Token.Length} characters, must have at least {DashboardOptions.ShortestToken}; name a longer one");
        }

        var server = new DashboardServer(options, time) { Failed = failed };
        try
        {
            await server._application.StartAsync(cancellationToken);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            await server.DisposeAsync();
            throw new RecipeException($"--host {options.Address}: is no address of this machine ({e.Message}); name one that is, or 0.0.0.0 for all");
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw new RecipeException($"--port {options.Port}: cannot be listened at on {options.Address} ({e.Message}); choose another");
        }

        _ = server._runs.Look(CancellationToken.None); // who opens the page in a moment finds them read
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _runs.Dispose();
        _series.Dispose();
    }

    private static void Limit(KestrelServerOptions kestrel, DashboardOptions options)
    {
        kestrel.Listen(options.Address, options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = MostConnections;
        kestrel.Limits.MaxRequestBodySize = 0;
        kestrel.Limits.MaxRequestLineSize = 4096;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(1);
    }

    private void Map(string path, RequestDelegate answer) => _application.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], answer);

    /// <summary>What fails within ends the request, not the dashboard.</summary>
    private async Task Report(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for it any longer.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Failed?.Invoke(e);
            if (!context.Response.HasStarted)
            {
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        }
    }

    private static async Task Asset(HttpContext context)
    {
        var (type, bytes) = _assets[context.Request.Path];
        context.Response.ContentType = type;
        context.Response.Headers.CacheControl = "no-cache";
        await context.Response.Body.WriteAsync(bytes(), context.RequestAborted);
    }

    private async Task List(HttpContext context)
    {
        var runs = await _runs.Look(context.RequestAborted);
        var now = _time.GetUtcNow();
        await Write(context, new { Runs = runs.Values.Select(run => Answers.Row(run, now)), _runs.IsCut });
    }

    private async Task Run(HttpContext context)
    {
        if (await Find(context) is [var run])
        {
            await Write(context, Answers.Run(run, _time.GetUtcNow()));
        }
    }

    private async Task Compare(HttpContext context)
    {
        if (await Find(context, withRefused: true) is { } runs)
        {
            await Write(context, Answers.Comparison(runs, _time.GetUtcNow()));
        }
    }

    private async Task Series(HttpContext context)
    {
        var query = context.Request.Query;
        var points = int.TryParse(query["points"], out var asked) ? Math.Clamp(asked, LeastPoints, MetricsSeries.DefaultPoints) : MetricsSeries.DefaultPoints;
        var from = MetricsPosition.Start;
        if (query.ContainsKey("from") && !MetricsPosition.TryParse(query["from"], out from))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        if (await Find(context) is not [var run])
        {
            return;
        }

        var path = RunRecord.MetricsOf(run.Folder);
        var answer = new MemoryStream();
        await _series.Use(path, from, points, (series, isWhole) => Write(answer, series, isWhole, points), context.RequestAborted);
        context.Response.ContentType = "application/json";
        answer.Position = 0;
        await answer.CopyToAsync(context.Response.Body, context.RequestAborted);

        static bool Write(Stream answer, MetricsSeries series, bool isWhole, int points)
        {
            using var writer = new Utf8JsonWriter(answer);
            Answers.Write(writer, series, isWhole, points);
            return true;
        }
    }

    /// <summary>The runs of a request's ids; null where it was answered that there is one that is none, or that may not be read.</summary>
    private async Task<KnownRun[]?> Find(HttpContext context, bool withRefused = false)
    {
        var found = new List<KnownRun>();
        foreach (var id in context.Request.Query["id"])
        {
            if (found.Count < MostCompared && await _runs.Find(id, context.RequestAborted) is { } known
                && _runs.Now(known) is var run && (withRefused || run.Record is not null))
            {
                found.Add(run);
            }
            else
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return null;
            }
        }

        context.Response.StatusCode = found.Count == 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
        return found.Count == 0 ? null : [.. found];
    }

    private static async Task Write(HttpContext context, object answer)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, answer, Answers.Json, context.RequestAborted);
    }

    private static byte[] Own(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Dashboard/{name}")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
