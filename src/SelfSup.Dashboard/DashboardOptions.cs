using System.Net;

namespace SelfSup.Dashboard;

/// <summary>What a dashboard shows, and to whom.</summary>
/// <param name="Runs">The folder of runs, or a run.</param>
internal sealed record DashboardOptions(string Runs)
{
    /// <summary>Characters that a token has at least.</summary>
    public const int ShortestToken = 16;

    /// <summary>The address it listens at.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port; 0 for one that is free.</summary>
    public int Port { get; init; } = 8265;

    /// <summary>What a visitor must know; null where only this machine can visit.</summary>
    public string? Token { get; init; }

    /// <summary>Names under which it may be visited beside its addresses, <c>localhost</c> and this machine's own.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Bytes of curves that are kept in memory, about.</summary>
    public long CacheBytes { get; init; } = 48L << 20;
}
