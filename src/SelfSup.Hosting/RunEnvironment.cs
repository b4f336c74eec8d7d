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

    /// <summary>Which rank this process is: <see cref="RankEnvironment"/> reads the variables of launchers.</summary>
    /// <exception cref="CommunicationException">They contradict themselves.</exception>
    public static RankEnvironment Ranks() => RankEnvironment.Of(Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? ""));

    /// <summary>The MPI library that <see cref="Mpi.Variable"/> names, or null.</summary>
    public static string? MpiLibrary() => Environment.GetEnvironmentVariable(Mpi.Variable) is { Length: > 0 } library ? library : null;

    /// <summary>The program that <see cref="Supervision.MpiProgram.Variable"/> names, or null.</summary>
    public static string? MpiProgram() =>
        Environment.GetEnvironmentVariable(Supervision.MpiProgram.Variable) is { Length: > 0 } program ? program : null;

    /// <summary>Which GPUs may be seen, as CUDA reads it; null where nothing says so.</summary>
    public static string? VisibleGpus() => Environment.GetEnvironmentVariable(Supervision.RankStarter.VisibleDevices);

    /// <summary>The folders of PATH.</summary>
    public static string? SearchPath() => Environment.GetEnvironmentVariable("PATH");

    /// <summary>Loads libtorch, from the folder that SELFSUP_LIBTORCH names if it is set.</summary>
    public static void LoadTorch() =>
        TorchRuntime.Initialise(Environment.GetEnvironmentVariable("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null);
}
