using System.Net;
using System.Security.Cryptography;
using System.Text;

using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace SelfSup.Dashboard;

/// <summary>
/// Lets through who may look, and only look: GET and HEAD, under a name this dashboard has, with the token where one is needed. A page
/// of elsewhere that has its name lead here (DNS rebinding) has another name.
/// </summary>
internal sealed class Guard
{
    private const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private const string Entered =
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url=/\"><title>SelfSup</title><a href=\"/\">Runs</a>\n";

    private readonly HashSet<string> _names;
    private readonly bool _isPublic;
    private readonly byte[]? _token;
    private readonly string _pass;
    private readonly byte[] _passHash;

    public Guard(DashboardOptions options)
    {
        _isPublic = !IPAddress.IsLoopback(options.Address);
        _names = new HashSet<string>(options.Names, StringComparer.OrdinalIgnoreCase) { "localhost" };
        if (_isPublic)
        {
            _names.Add(Environment.MachineName);
        }

        _token = options.Token is { } token ? Hash(token) : null;
        // What a browser keeps is not the token itself.
        _pass = _token is null ? "" : Convert.ToHexStringLower(HMACSHA256.HashData(_token, "selfsup dashboard"u8));
        _passHash = Hash(_pass);
    }

    /// <summary>Answers what may not be, and passes on what may.</summary>
    public async Task Invoke(HttpContext context, RequestDelegate next)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        if (!IsKnown(request.Host))
        {
            await Refuse(context, StatusCodes.Status403Forbidden, "The dashboard is not known by this host name. Name it with --allow-host.");
        }
        else if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            headers.Allow = "GET, HEAD";
            await Refuse(context, StatusCodes.Status405MethodNotAllowed, "The dashboard only shows: GET and HEAD.");
        }
        else if (request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0)
        {
            await Refuse(context, StatusCodes.Status413PayloadTooLarge, "The dashboard takes no content.");
        }
        else if (request.Headers["Sec-Fetch-Site"] == "cross-site" && request.Path != "/")
        {
            await Refuse(context, StatusCodes.Status403Forbidden, "The dashboard does not answer to pages of elsewhere.");
        }
        else if (_token is null || IsAdmitted(request))
        {
            await next(context);
        }
        else if (request.Path == "/" && Matches(request.Query["token"], _token))
        {
            // The token leaves the address bar at once.
            context.Response.Cookies.Append(
                Cookie(context), _pass, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", Secure = request.IsHttps });
            // A redirect of a link from elsewhere is still from elsewhere, and the browser would keep the cookie to itself.
            context.Response.ContentType = "text/html; charset=utf-8";
            await context.Response.WriteAsync(Entered, context.RequestAborted);
        }
        else
        {
            headers.WWWAuthenticate = "Bearer";
            await Refuse(context, StatusCodes.Status401Unauthorized, "A token is needed: open /?token=TOKEN, or send it as Authorization: Bearer TOKEN.");
        }
    }

    /// <summary>
    /// Whether a visitor names this dashboard. An address is never what a page of elsewhere has as its name, so that through a port that
    /// is passed on any will do.
    /// </summary>
    private bool IsKnown(HostString host) =>
        host.HasValue && (IPAddress.TryParse(host.Host.Trim('[', ']'), out var address) ? _isPublic || IPAddress.IsLoopback(address) : _names.Contains(host.Host));

    private bool IsAdmitted(HttpRequest request) =>
        (request.Headers.Authorization is [{ } authorization] && authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            && Matches(authorization["Bearer ".Length..], _token!))
        || Matches(request.Cookies[Cookie(request.HttpContext)], _passHash);

    /// <summary>Cookies do not tell ports apart.</summary>
    private static string Cookie(HttpContext context) => $"selfsup-{context.Connection.LocalPort}";

    /// <summary>In a time that tells nothing of where they differ, nor of the length.</summary>
    private static bool Matches(StringValues given, byte[] hash) =>
        given is [{ } text] && CryptographicOperations.FixedTimeEquals(Hash(text), hash);

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private static Task Refuse(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(why + "\n", context.RequestAborted);
    }
}
