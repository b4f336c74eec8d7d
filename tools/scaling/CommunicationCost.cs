using System.Text.Json;
using System.Text.Json.Serialization;

using SelfSup.Errors;
using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tools.Scaling;

/// <summary>What messages between the ranks of a machine cost, as <c>scaling measure</c> writes it.</summary>
internal sealed record CommunicationCost
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public required string Engine { get; init; }

    public required string Processor { get; init; }

    /// <summary>Of the machine.</summary>
    public required int Cores { get; init; }

    /// <summary>That a rank may use: mpirun may bind it to some.</summary>
    public required int CoresOfRank { get; init; }

    public required int Ranks { get; init; }

    /// <summary>Seconds of an all-reduce of one number.</summary>
    public required double LatencySeconds { get; init; }

    /// <summary>Bytes/s, 2 (R - 1) / R times the size by the time beyond the latency: least squares over all sizes.</summary>
    public required double BusBandwidth { get; init; }

    /// <summary>The share of an all-reduce's time by which work beside it takes longer.</summary>
    public required double Interference { get; init; }

    /// <summary>Medians.</summary>
    public required IReadOnlyList<SizedTime> AllReduce { get; init; }

    /// <summary>The network that it makes: one node.</summary>
    [JsonIgnore]
    public Network Network => new(Ranks, BusBandwidth, LatencySeconds, BusBandwidth, LatencySeconds);

    /// <summary>Reads a file.</summary>
    /// <exception cref="RecipeException">It is none.</exception>
    public static CommunicationCost Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<CommunicationCost>(File.ReadAllText(path), _json)!;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new RecipeException($"{path}: is not what scaling measure writes ({e.Message})");
        }
    }

    public override string ToString() => JsonSerializer.Serialize(this, _json);

    /// <summary>Latency and bandwidth of t = a + 2 (R - 1) / R bytes / B, where relative errors count.</summary>
    public static (double Latency, double Bandwidth) Fit(IReadOnlyList<SizedTime> times, int ranks)
    {
        // Weighted least squares, 1 / t the weight: sum of ((a + b x - t) / t)^2.
        double w = 0, wx = 0, wxx = 0, wt = 0, wxt = 0;
        foreach (var (bytes, seconds) in times)
        {
            var (x, weight) = (2.0 * (ranks - 1) / ranks * bytes, 1 / (seconds * seconds));
            w += weight;
            wx += weight * x;
            wxx += weight * x * x;
            wt += weight * seconds;
            wxt += weight * x * seconds;
        }

        var slope = ((w * wxt) - (wx * wt)) / ((w * wxx) - (wx * wx));
        return ((wt - (slope * wx)) / w, 1 / slope);
    }

    /// <param name="Bytes">Of the tensor.</param>
    /// <param name="Seconds">The median of its all-reduce.</param>
    internal sealed record SizedTime(double Bytes, double Seconds);
}
