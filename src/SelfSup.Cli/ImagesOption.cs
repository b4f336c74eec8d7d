using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary>A set of images that the command line names: a path and how many of them.</summary>
internal sealed class ImagesOption(string flag, string description)
{
    private readonly Option<string?> _path = new(flag) { Description = description, HelpName = "path" };
    private readonly Option<int?> _limit = new($"{flag}-limit") { Description = "Only the first so many", HelpName = "n" };

    /// <summary>The flag.</summary>
    public string Flag => flag;

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_path);
        command.Add(_limit);
    }

    /// <summary>The images; null where neither the command line nor the recipe names some.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="recipe">What the recipe names.</param>
    /// <param name="reading">How images are read that the command line names; by default like the recipe's.</param>
    /// <param name="choose">Chooses among them, or null.</param>
    /// <exception cref="RecipeException">The path is empty, or there is a limit without images.</exception>
    public ImageSourceOptions? Source(
        ParseResult parsed, ImageSourceOptions? recipe, ImageSourceOptions? reading = null, Action<ImageSourceOptions>? choose = null)
    {
        var (path, limit) = (parsed.GetValue(_path), parsed.GetValue(_limit));
        CommonOptions.RequirePath(flag, path);
        if (path is null && recipe is null)
        {
            return limit is null
                ? null
                : throw new RecipeException($"{flag}-limit: has no effect without {flag}; name images, or leave the limit out");
        }

        var options = new ImageSourceOptions
        {
            Path = path is null ? recipe!.Path : Path.GetFullPath(path),
            Limit = limit ?? (path is null ? recipe!.Limit : null),
        };
        if ((reading ?? recipe) is { } like)
        {
            (options.OnUnreadable, options.MaxPixels, options.CacheMegabytes, options.Decoder) =
                (like.OnUnreadable, like.MaxPixels, like.CacheMegabytes, like.Decoder);
        }

        if (path is null)
        {
            (options.ImageColumn, options.LabelColumn) = (recipe!.ImageColumn, recipe.LabelColumn);
            (options.Classes, options.ExceptClasses, options.Labels) = (recipe.Classes, recipe.ExceptClasses, recipe.Labels);
        }

        choose?.Invoke(options);
        RecipeBinder.Require(options, flag);
        return options;
    }
}
