using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Recipes;

namespace SelfSup.Runs;

/// <summary>A contact sheet of some images of a recipe, always the same ones.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="source">Its images.</param>
/// <param name="images">How many are drawn, if there are so many.</param>
/// <param name="onUnreadable">Whether one that cannot be read gives way to the next, or is an error.</param>
internal sealed class ViewSheet(Recipe recipe, IImageSource source, int images, OnUnreadable onUnreadable = OnUnreadable.Fail)
{
    private readonly ImageDecoder _decoder = new(recipe.Data!.MaxPixels, recipe.Data.Decoder);
    private readonly StoredImage _stored = new();
    private readonly PixelImage _pixels = new();
    private int[]? _chosen;

    /// <summary>Draws it and writes it as PNG.</summary>
    /// <param name="destination">Takes the PNG.</param>
    /// <param name="views">The pipeline of each view.</param>
    /// <param name="firstEpoch">The first epoch whose random numbers are used.</param>
    /// <param name="epochs">How many epochs.</param>
    /// <exception cref="DataException">An image cannot be read.</exception>
    public void Write(Stream destination, IReadOnlyList<ViewPipeline> views, long firstEpoch, int epochs) =>
        new ContactSheet(views) { FirstEpoch = firstEpoch, Epochs = epochs, Seed = recipe.Run.Seed }.Write(destination, source, _decoder, _chosen ??= Choose());

    /// <summary>Which images it draws.</summary>
    public static int[] Choose(Recipe recipe, int count, int images) => [.. Shuffled(recipe, count).Take(images)];

    private static int[] Shuffled(Recipe recipe, int count)
    {
        var all = Enumerable.Range(0, count).ToArray();
        new CounterRandom(recipe.Run.Seed, RandomPurpose.Selection).Shuffle<int>(all);
        return all;
    }

    private int[] Choose() =>
        [.. Shuffled(recipe, source.Count).Where(index => onUnreadable == OnUnreadable.Fail || CanBeRead(index)).Take(images)];

    private bool CanBeRead(int index)
    {
        try
        {
            source.Read(index, _stored);
            _decoder.Decode(_stored, _pixels, source.Locate(index));
            return true;
        }
        catch (DataException e) when (!e.IsSourceLost)
        {
            return false;
        }
    }
}
