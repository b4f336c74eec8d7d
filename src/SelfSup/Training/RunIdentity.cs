using System.Reflection;

using TorchSharp;

namespace SelfSup.Training;

/// <summary>Which recipe, program and machine a run's files come from.</summary>
/// <param name="Recipe">Every setting that changes what is trained.</param>
/// <param name="RecipeHash">A hash of them.</param>
/// <param name="Threads">CPU threads of the network.</param>
internal sealed record RunIdentity(IReadOnlyDictionary<string, string> Recipe, string RecipeHash, int Threads)
{
    /// <summary>The version of SelfSup.</summary>
    public static string Version { get; } =
        typeof(RunIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>The versions that results depend on.</summary>
    public static IReadOnlyDictionary<string, string> Versions { get; } = new SortedDictionary<string, string>
    {
        ["selfsup"] = Version,
        ["torchSharp"] = typeof(torch).Assembly.GetName().Version!.ToString(3),
        ["libtorch"] = torch.__version__,
        ["dotnet"] = Environment.Version.ToString(),
    };

    /// <summary>The machine: name, processor count, architecture.</summary>
    public static string Host { get; } =
        $"{Environment.MachineName}, {Environment.ProcessorCount} cores, " +
        System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
}
