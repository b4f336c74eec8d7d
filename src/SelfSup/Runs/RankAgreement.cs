using System.IO.Hashing;
using System.Text;
using System.Text.Json;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>What ranks must agree on before they train, and what one of them finds out for all.</summary>
internal static class RankAgreement
{
    private const string Cancelled = "cancelled";

    /// <summary>All ranks must train the same: recipe, images, versions.</summary>
    /// <exception cref="CommunicationException">They do not.</exception>
    public static void Require(Communicator communicator, RunIdentity own)
    {
        var text = JsonSerializer.Serialize(Facts(own));
        if (communicator.Gather(Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(text)))).Distinct().Count() == 1)
        {
            return; // with thousands of files on hundreds of ranks the facts themselves would be long
        }

        var all = communicator.Gather(text).Select(facts => JsonSerializer.Deserialize<Dictionary<string, string>>(facts)!).ToArray();
        foreach (var (rank, facts) in all.Index().Skip(1))
        {
            string[] different = [.. all[0].Keys.Union(facts.Keys).Order(StringComparer.Ordinal)
                .Where(key => all[0].GetValueOrDefault(key) != facts.GetValueOrDefault(key))
                .Select(key => $"{key} is {facts.GetValueOrDefault(key, "not set")}, {all[0].GetValueOrDefault(key, "not set")} on rank 0")];
            if (different.Length > 0)
            {
                throw new CommunicationException(
                    $"rank {rank}: {string.Join("; ", different)}; all ranks must train the same: start them with the same command, recipe, "
                    + "images and version");
            }
        }
    }

    /// <summary>The first rank measures; all get its numbers.</summary>
    /// <exception cref="OperationCanceledException">It was told to stop meanwhile.</exception>
    public static IReadOnlyDictionary<string, double> Of(Communicator communicator, Func<IReadOnlyDictionary<string, double>> measure)
    {
        if (communicator.Rank != 0)
        {
            var told = communicator.Broadcast("");
            return told == Cancelled ? throw new OperationCanceledException() : JsonSerializer.Deserialize<Dictionary<string, double>>(told, _json)!;
        }

        try
        {
            var values = measure();
            _ = communicator.Broadcast(JsonSerializer.Serialize(values, _json));
            return values;
        }
        catch (OperationCanceledException)
        {
            _ = communicator.Broadcast(Cancelled);
            throw;
        }
    }

    private static readonly JsonSerializerOptions _json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static Dictionary<string, string> Facts(RunIdentity identity)
    {
        var facts = identity.Recipe.ToDictionary();
        foreach (var (name, version) in RunIdentity.Versions.Where(version => version.Key != "dotnet"))
        {
            facts.Add($"version of {name}", version);
        }

        foreach (var (key, files) in identity.Images)
        {
            facts.Add($"{key} (files)", JsonSerializer.Serialize(files, Checkpoints.CheckpointManifest.Json));
        }

        return facts;
    }
}
