using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Images;

using TorchSharp;

namespace SelfSup.Training;

/// <summary>Which recipe, program and machine a run's files come from.</summary>
/// <param name="Recipe">Every setting that changes what is trained.</param>
/// <param name="RecipeHash">A hash of them.</param>
/// <param name="Threads">CPU threads of the network.</param>
/// <param name="Device">What computes, <c>cpu</c> or a GPU's name.</param>
internal sealed record RunIdentity(IReadOnlyDictionary<string, string> Recipe, string RecipeHash, int Threads, string Device)
{
    /// <summary>R, processes that train together.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Settings of which a checkpoint may say what it likes.</summary>
    public IReadOnlySet<string> Ignored { get; init; } = new HashSet<string>();

    /// <summary>What the files of its images are, by the settings that name them.</summary>
    public IReadOnlyDictionary<string, SourceFiles> Images { get; init; } = new Dictionary<string, SourceFiles>();

    /// <summary>The classes that are learned, in the order of their labels; none where labels are not.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

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

    /// <summary>What bits depend on beside threads and versions.</summary>
    public IReadOnlyDictionary<string, string> Machine => new SortedDictionary<string, string>
    {
        ["device"] = Device,
        ["processor"] = Processor,
        ["vectors"] = Vector512.IsHardwareAccelerated ? "512 bits" : Vector256.IsHardwareAccelerated ? "256 bits" : "128 bits",
    };

    /// <summary>What differs from the settings that a checkpoint was made with.</summary>
    public IReadOnlyList<SettingChange> DifferencesTo(CheckpointManifest manifest) =>
        [.. manifest.DifferencesTo(Recipe).Where(difference => !Ignored.Contains(difference.Key))];

    /// <summary>What differs from the images that a checkpoint was made with: the setting that names them, and the differences.</summary>
    public IReadOnlyList<(string Key, IReadOnlyList<string> Differences)> ImagesUnlike(CheckpointManifest manifest) =>
        [.. from image in Images
            where manifest.Data.ContainsKey(image.Key)
            let differences = manifest.Data[image.Key].Deserialize<SourceFiles>(CheckpointManifest.Json)!.DifferencesTo(image.Value)
            where differences.Count > 0
            select (image.Key, differences)];

    /// <summary>
    /// Why numbers of this program here may differ in rounding from those of a checkpoint's; empty where a run goes on bit for
    /// bit.
    /// </summary>
    public IReadOnlyList<string> RoundsOtherwiseThan(CheckpointManifest manifest)
    {
        var reasons = new List<string>();
        if (manifest.Threads != Threads)
        {
            reasons.Add($"threads were {manifest.Threads}, are {Threads} (the same with --set run.threads={manifest.Threads})");
        }

        var ranks = manifest.Ranks ?? 1;
        if (ranks != Ranks)
        {
            reasons.Add($"ranks were {ranks}, are {Ranks}");
        }

        Compare(manifest.Machine, Machine);
        Compare(manifest.Versions, Versions);
        return reasons;

        void Compare(IReadOnlyDictionary<string, string> was, IReadOnlyDictionary<string, string> now) => reasons.AddRange(
            from pair in was
            where now.TryGetValue(pair.Key, out var value) && value != pair.Value
            select $"{pair.Key} was {pair.Value}, is {now[pair.Key]}");
    }

    /// <summary>The processor's name, as far as the system tells it.</summary>
    public static string Processor { get; } = ProcessorName();

    private static string ProcessorName()
    {
        const string Key = "model name";
        try
        {
            if (File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) is { } line)
            {
                return line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Other systems have no such file.
        }

        return RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>The machine: name, processor count, architecture.</summary>
    public static string Host { get; } =
        $"{Environment.MachineName}, {Environment.ProcessorCount} cores, " +
        RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
}
