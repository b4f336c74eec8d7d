using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>What TensorBoard is shown of a run, put together from its recipe.</summary>
internal static class RunBoards
{
    private const int SheetImages = 6;

    /// <summary>Its content; null where the recipe does not ask for it.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="images">The images of the run.</param>
    /// <param name="views">V, views of an image.</param>
    /// <param name="folder">The run's directory.</param>
    public static BoardContent? Of(Recipe recipe, RecipeReader reader, RunImages images, int views, string folder)
    {
        if (recipe.Telemetry.TensorBoard is not { } options)
        {
            return null;
        }

        var sheet = new ViewSheet(recipe, images.Training, SheetImages, recipe.Data!.OnUnreadable);
        return new BoardContent(
            Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)),
            RecipeWriter.Yaml(recipe),
            RecipeWriter.Settings(recipe, all: true),
            options.ImagesEveryEpochs,
            (epoch, png) => sheet.Write(png, Pipelines.Views(recipe, reader, views), epoch, epochs: 1),
            options.ProjectorImages,
            images.Test,
            recipe.Evaluation.Test);
    }
}
