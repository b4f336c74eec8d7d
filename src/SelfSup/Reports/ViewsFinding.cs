using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Search;

namespace SelfSup.Reports;

/// <summary>Some training images and what the network sees of them: what <c>selfsup views</c> draws, picture by picture.</summary>
/// <param name="Titles">Of the columns of views.</param>
/// <param name="Rows">An image each.</param>
internal sealed record ViewsFinding(IReadOnlyList<string> Titles, IReadOnlyList<ViewsRow> Rows)
{
    private const int Columns = 8; // unless a recipe has more views
    private const int MostColumns = 16;
    private const int PictureSide = 112;
    private const int Spare = 16; // images in place of those that cannot be read

    /// <summary>Draws the views of a recipe.</summary>
    /// <exception cref="DataException">The images are not there, or hardly any can be read.</exception>
    public static ViewsFinding Of(Recipe recipe, RecipeReader reader, int rows)
    {
        using var source = ImageSources.Open(recipe.Data!);
        var chosen = ViewSheet.Choose(recipe, source.Count, rows + Spare);
        var pipelines = Pipelines.Views(recipe, reader, recipe.Views!.Views ?? 1);
        var views = new ViewPictures(pipelines, recipe.Run.Seed);
        var columns = Math.Clamp(Columns / pipelines.Length * pipelines.Length, Math.Min(pipelines.Length, MostColumns), MostColumns);
        var decoder = new ImageDecoder(recipe.Data!.MaxPixels, recipe.Data.Decoder);
        var (stored, image, pixels) = (new StoredImage(), new DecodedImage(), new PixelImage());
        ViewsRow[] drawn = [.. chosen.Select(Row).OfType<ViewsRow>().Take(rows)];
        return drawn.Length > 0
            ? new ViewsFinding([.. Enumerable.Range(0, columns).Select(Title)], drawn)
            : throw new DataException($"{recipe.Data.Path}: none of the images that were drawn can be read.");

        string Title(int column) => pipelines.Length == 1
            ? FormattableString.Invariant($"view {column + 1}")
            : FormattableString.Invariant($"view {(column % pipelines.Length) + 1}{(columns > pipelines.Length ? $", epoch {column / pipelines.Length}" : "")}");

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
