using System.Collections;
using System.CommandLine;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Tensors;

namespace SelfSup.Cli;

/// <summary>Arguments and options that several verbs share.</summary>
internal static class CommonOptions
{
    /// <summary>The recipe's path.</summary>
    public static Argument<string> Recipe() => new("recipe") { Description = "The recipe, a YAML file" };

    /// <summary>Settings that replace those of the recipe.</summary>
    public static Option<string[]> Set() => new("--set")
    {
        Description = "Replaces a setting: --set training.epochs=5 (may be repeated; a path is relative to the current folder)",
        HelpName = "section.key=value",
        DefaultValueFactory = _ => [],
    };

    /// <summary>The number of CPU threads.</summary>
    public static Option<int?> Threads() => new("--threads")
    {
        Description = "CPU threads of the network (default: one for each core)",
        HelpName = "n",
    };

    /// <summary>All settings that flags replace.</summary>
    public static string[] Overrides(string[] set, int? threads) => threads is { } n ? [.. set, $"run.threads={n}"] : set;

    /// <summary>The variables that replace settings.</summary>
    public static Dictionary<string, string> Environment() => System.Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .Where(v => ((string)v.Key).StartsWith(RecipeReader.EnvironmentPrefix, StringComparison.Ordinal))
        .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");

    /// <summary>Fails before hours of work where the file that the user named for its result cannot be written.</summary>
    /// <exception cref="RecipeException">The file's folder does not exist.</exception>
    public static void RequireFolder(string flag, string? path)
    {
        if (path is not null && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new RecipeException($"{flag} {path}: cannot be written (its folder does not exist); name another place");
        }
    }

    /// <summary>Writes a file that the user named; what was there before stays until all of it is written.</summary>
    /// <exception cref="RecipeException">It cannot be written.</exception>
    public static void Write(string flag, string path, Action<Stream> write)
    {
        try
        {
            DurableFile.Write(path, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{flag} {path}: cannot be written ({e.Message}); name another place");
        }
    }

    /// <summary>Loads libtorch, from the folder that SELFSUP_LIBTORCH names if it is set.</summary>
    public static void LoadTorch() =>
        TorchRuntime.Initialise(System.Environment.GetEnvironmentVariable("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null);
}
