using System.Collections;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Tensors;

namespace SelfSup.Hosting;

/// <summary>What a run takes from the environment: the same for the command line and for hosts.</summary>
internal static class RunEnvironment
{
    /// <summary>The variables that replace settings.</summary>
    public static Dictionary<string, string> Settings() => Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .Where(v => ((string)v.Key).StartsWith(RecipeReader.EnvironmentPrefix, StringComparison.Ordinal))
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");

    /// <summary>Loads libtorch, from the folder that SELFSUP_LIBTORCH names if it is set.</summary>
    public static void LoadTorch() =>
        TorchRuntime.Initialise(Environment.GetEnvironmentVariable("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null);

    /// <summary>Which rank this process is.</summary>
    /// <exception cref="CommunicationException">What started it has set variables that make no sense.</exception>
    public static RankEnvironment Place() => RankEnvironment.Of(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? ""));

    /// <summary>Joins the other ranks; libtorch is loaded.</summary>
    /// <param name="place">Which rank this process is.</param>
    /// <exception cref="CommunicationException">They cannot be joined.</exception>
    public static Communicator Join(RankEnvironment place)
    {
        if (place.Ranks == 1)
        {
            return Communicator.Single;
        }

        var named = Environment.GetEnvironmentVariable(Mpi.Variable);
        var mpi = Mpi.Load(named is { Length: > 0 } ? named : null, place.Launcher);
        var ranks = MpiCommunicator.Join(mpi);
        if (ranks.Ranks == place.Ranks)
        {
            return ranks;
        }

        var found = ranks.Ranks;
        ranks.Dispose();
        throw new CommunicationException(
            $"{mpi.Path}: sees {found} ranks, those who started them say {place.Ranks}; the library must belong to what started the ranks "
            + $"({place.Launcher}): let {Mpi.Variable} name the right one, see selfsup doctor");
    }
}
