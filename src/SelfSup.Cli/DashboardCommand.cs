using System.CommandLine;
using System.Net;
using System.Security.Cryptography;

using SelfSup.Dashboard;
using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary><c>selfsup dashboard [RUNS]</c>: a page that shows runs while they train.</summary>
internal static class DashboardCommand
{
    // Other users of the machine see command lines.
    private const string TokenVariable = "SELFSUP_DASHBOARD_TOKEN";
    private const int TokenBytes = 24;

    public static Command Create()
    {
        var runs = new Argument<string>("runs") { Description = "The folder of runs, or a run", DefaultValueFactory = _ => "runs" };
        var host = new Option<string>("--host")
        {
            Description = "The address to listen at: 127.0.0.1, ::1, or for others 0.0.0.0 or one of this machine's, which takes a token",
            HelpName = "address",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var port = new Option<int>("--port") { Description = "The port; 0 for a free one", HelpName = "n", DefaultValueFactory = _ => 8265 };
        var token = new Option<string?>("--token")
        {
            Description = $"What visitors must know, at least {DashboardOptions.ShortestToken} characters (default: the variable {TokenVariable}, else one is made " +
                "where others can visit)",
            HelpName = "token",
        };
        var names = new Option<string[]>("--allow-host")
        {
            Description = "A host name under which it may be visited beside addresses, localhost and this machine's name (may be repeated)",
            HelpName = "name",
            DefaultValueFactory = _ => [],
        };
        var command = new Command(
            "dashboard",
            "Shows runs while they train, in a browser: state, curves that grow, throughput, warnings, several runs side by side. " +
            "It only reads, also what other machines write. Example: selfsup dashboard runs")
        {
            runs, host, port, token, names,
        };
        command.SetAction((parsed, _) => Serve(
            parsed.GetRequiredValue(runs),
            Address(parsed.GetRequiredValue(host)),
            parsed.GetValue(port),
            parsed.GetValue(token),
            parsed.GetValue(names)!));
        return command;
    }

    private static async Task<int> Serve(string runs, IPAddress address, int port, string? token, string[] names)
    {
        if (port is < 0 or > ushort.MaxValue)
        {
            throw new RecipeException($"--port {port}: must be from 0 to {ushort.MaxValue}");
        }

        var isPublic = !IPAddress.IsLoopback(address);
        token ??= Environment.GetEnvironmentVariable(TokenVariable) is { Length: > 0 } kept ? kept : null;
        var made = token is null && isPublic ? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes)) : null;
        using var signals = new SignalToken();
        var options = new DashboardOptions(runs) { Address = address, Port = port, Token = token ?? made, Names = names };
        await using var server = await DashboardServer.Start(options, TimeProvider.System, error => ErrorReport.Warn($"the dashboard: {error.Message}"));
        Console.WriteLine($"{runs}: {Shown(server.Address, address)}{(made is null ? "" : $"?token={made}")}{(token is null ? "" : " (with its token: ?token=...)")}");
        if (isPublic)
        {
            Console.WriteLine("It is not encrypted: let others visit over a network they may listen to only through ssh or a proxy with TLS.");
        }

        try
        {
            await Task.Delay(Timeout.Infinite, signals.Token);
        }
        catch (OperationCanceledException)
        {
            // Its only end.
        }

        return signals.ExitCode;
    }

    private static IPAddress Address(string host) => host == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(host, out var address) ? address
        : throw new RecipeException($"--host {host}: must be an address of this machine, such as 127.0.0.1 or 0.0.0.0");

    /// <summary>Where to visit one that listens at all addresses.</summary>
    private static Uri Shown(Uri listens, IPAddress address) =>
        new UriBuilder(listens) { Host = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? Environment.MachineName : listens.Host }.Uri;
}
