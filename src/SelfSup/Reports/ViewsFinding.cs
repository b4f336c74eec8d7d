using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Recipes;
using SelfSup.Search;

namespace SelfSup.Reports;

/// <summary>Some training images and what the network sees of them: what <c>selfsup views</c> draws, picture by picture.</summary>
/// <param name="Titles">Of the columns of views.</param>
/// <param name="Rows">An image each.</param>
internal sealed record ViewsFinding(IReadOnlyList<string> Titles, IReadOnlyList<ViewsRow> Rows)
{
    private const int MostColumns = 8;
    private const int PictureSide = 112;
    private const int Spare = 16; // images in place of those that cannot be read

    /// <summary>Draws the views of a recipe.</summary>
    /// <exception cref="DataException">The images are not there, or hardly any can be read.</exception>
    public static ViewsFinding Of(Recipe recipe, RecipeReader reader, int rows)
    {
        using var source = ImageSources.Open(recipe.Data!);
        var chosen = Enumerable.Range(0, source.Count).ToArray();
        new CounterRandom(recipe.Run.Seed, RandomPurpose.Selection).Shuffle<int>(chosen);
        ViewPipeline[] pipelines = [.. recipe.Views!.Lists.Select(list => Pipelines.Create(list, reader))];
        var views = new ViewPictures(pipelines, recipe.Run.Seed);
        var columns = Math.Max(pipelines.Length, MostColumns / pipelines.Length * pipelines.Length);
        var decoder = new ImageDecoder(recipe.Data!.MaxPixels, recipe.Data.Decoder);
        var (stored, image, pixels) = (new StoredImage(), new DecodedImage(), new PixelImage());
        ViewsRow[] drawn = [.. chosen.Take(rows + Spare).Select(Row).OfType<ViewsRow>().Take(rows)];
        return drawn.Length > 0
            ? new ViewsFinding([.. Enumerable.Range(0, columns).Select(Title)], drawn)
            : throw new DataException($"{recipe.Data.Path}: none of the images that were drawn can be read.");

        string Title(int column) => pipelines.Length == 1
            ? FormattableString.Invariant($"view {column + 1}")
            : FormattableString.Invariant($"list {(column % pipelines.Length) + 1}");

        ViewsRow? Row(int index)
        {
            var place = new ImageLocation(source, index);
            try
            {
                source.Read(index, stored);
                decoder.Decode(stored, pixels, place);
                decoder.Open(stored, image, place);
                decoder.Decode(stored, new Region(0, 0, image.Height, image.Width), 1, image);
            }
            catch (DataException e) when (!e.IsSourceLost)
            {
                return null;
            }

            var original = PictureFile.Of(pixels.Pixels, pixels.Width, pixels.Height, PictureSide);
            return new ViewsRow(original, [.. Enumerable.Range(0, columns).Select(column =>
            {
                var (view, epoch) = (column % pipelines.Length, column / pipelines.Length);
                var size = ViewPictures.SizeOf(pipelines[view]);
                return PictureFile.Of(views.Make(image, index, view, epoch), size, size, PictureSide);
            })]);
        }
    }
}

/// <summary>An image and its views.</summary>
internal sealed record ViewsRow(Thumbnail Original, IReadOnlyList<Thumbnail> Views);
