using System.CommandLine;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Recipes;

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

    /// <summary>Settings that may differ from those a run was started with.</summary>
    public static Option<string[]> AllowChange() => new("--allow-change")
    {
        Description = "Lets a run go on under other settings than those it was started with: keys or sections, such as " +
            "--allow-change training.epochs optimizer. The change is written into its history.jsonl",
        HelpName = "key",
        AllowMultipleArgumentsPerToken = true,
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

    /// <summary>Assemblies with methods of the user's own.</summary>
    public static Option<string[]> Assemblies() => new("--assembly")
    {
        Description = "A .NET assembly of your own whose methods recipes can name too (may be repeated)",
        HelpName = "file",
        DefaultValueFactory = _ => [],
    };

    /// <summary>The catalogues, with those assemblies.</summary>
    /// <exception cref="RecipeException">One cannot be loaded, or has nothing for a recipe.</exception>
    public static RecipeReader Reader(string[]? assemblies) => new((assemblies ?? []).Select(OwnAssembly.Load));

    /// <summary>Fails where a path was named and is empty, as one is that a script made of a variable that is not set.</summary>
    /// <exception cref="RecipeException">It is.</exception>
    public static void RequirePath(string flag, string? path)
    {
        if (path is "")
        {
            throw new RecipeException($"{flag}: is empty, must be a path; name one or leave it out");
        }
    }

    /// <summary>Fails before hours of work where the file that the user named for its result cannot be written.</summary>
    /// <exception cref="RecipeException">The path is empty, or a device, or the file's folder does not exist.</exception>
    public static void RequireFolder(string flag, string? path)
    {
        RequirePath(flag, path);
        RequireFile(flag, path);
        if (path is not null && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new RecipeException($"{flag} {path}: cannot be written (its folder does not exist); name another place");
        }
    }

    /// <summary>Writes a file that the user named; what was there before stays until all of it is written.</summary>
    /// <exception cref="RecipeException">It cannot be written.</exception>
    public static void Write(string flag, string path, Action<Stream> write)
    {
        RequireFile(flag, path);
        try
        {
            DurableFile.Write(path, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{flag} {path}: cannot be written ({e.Message}); name another place");
        }
    }

    /// <summary>A file is renamed into its place, and whoever may do anything would lose <c>/dev/null</c> by it.</summary>
    private static void RequireFile(string flag, string? path)
    {
        if (path is not null && Path.GetFullPath(path) is var full
            && full.StartsWith("/dev/", StringComparison.Ordinal) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal))
        {
            throw new RecipeException($"{flag} {path}: is a device, must be a file; name one");
        }
    }
}
