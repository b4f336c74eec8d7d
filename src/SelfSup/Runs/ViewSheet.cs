using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Recipes;

namespace SelfSup.Runs;

/// <summary>A contact sheet of some images of a recipe, always the same ones.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="source">Its images.</param>
/// <param name="images">How many are drawn, if there are so many.</param>
internal sealed class ViewSheet(Recipe recipe, IImageSource source, int images)
{
    private readonly ImageDecoder _decoder = new(recipe.Data!.MaxPixels, recipe.Data.Decoder);
    private readonly int[] _chosen = Choose(recipe, source.Count, images);

    /// <summary>Draws it and writes it as PNG.</summary>
    /// <param name="destination">Takes the PNG.</param>
    /// <param name="views">The pipeline of each view.</param>
    /// <param name="firstEpoch">The first epoch whose random numbers are used.</param>
    /// <param name="epochs">How many epochs.</param>
    /// <exception cref="Errors.DataException">An image cannot be read.</exception>
    public void Write(Stream destination, IReadOnlyList<ViewPipeline> views, long firstEpoch, int epochs) =>
        new ContactSheet(views) { FirstEpoch = firstEpoch, Epochs = epochs, Seed = recipe.Run.Seed }.Write(destination, source, _decoder, _chosen);

    /// <summary>Which images it draws.</summary>
    public static int[] Choose(Recipe recipe, int count, int images)
    {
        var all = Enumerable.Range(0, count).ToArray();
        new CounterRandom(recipe.Run.Seed, RandomPurpose.Selection).Shuffle<int>(all);
        return all[..Math.Min(images, count)];
    }
}
