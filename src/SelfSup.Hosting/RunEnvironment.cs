using System.Collections;

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
}
