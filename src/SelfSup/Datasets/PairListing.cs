using System.Globalization;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads a list of pairs or triplets.</summary>
internal static class PairListing
{
    /// <param name="options">The file and its columns.</param>
    /// <param name="source">The images that it names.</param>
    /// <exception cref="DataException">It cannot be read, lacks a column, or its rows make no tuples of these images.</exception>
    public static TupleList Read(PairListOptions options, IImageSource source)
    {
        var (negative, score) = (options.Negative ?? "negative", options.Score ?? "score");
        var listing = Listing.Read(
            options.Path,
            new ListingColumn(options.Anchor, ListingCells.Text),
            new ListingColumn(options.Positive, ListingCells.Text),
            new ListingColumn(negative, ListingCells.Text, IsOptional: options.Negative is null),
            new ListingColumn(score, ListingCells.Numbers, IsOptional: options.Score is null));
        string[] columns = [options.Anchor, options.Positive, .. listing.Has(negative) ? [negative] : Array.Empty<string>()];
        var images = ImageNames.Indices(listing, source, columns);
        RequireDifferent(listing, images, columns);
        var list = new TupleList(
            images[0], images[1], images.Length > 2 ? images[2] : [], listing.Has(score) ? listing.Numbers(score).ToArray() : [], options.Candidates);
        if (options.Candidates > 1)
        {
            RequireCandidates(listing, options, list);
        }

        return list;
    }

    private static void RequireDifferent(Listing listing, int[][] images, string[] columns)
    {
        for (var row = 0; row < listing.Rows; row++)
        {
            for (var i = 1; i < images.Length; i++)
            {
                var other = Array.FindIndex(images, 0, i, column => column[row] == images[i][row]);
                if (other >= 0)
                {
                    throw new DataException(
                        $"{listing.Where(row)}: {columns[other]} and {columns[i]} are the same image, must be different ones; correct or remove the row");
                }
            }
        }
    }

    private static void RequireCandidates(Listing listing, PairListOptions options, TupleList list)
    {
        if (list.HasNegatives)
        {
            throw new RecipeException(
                $"data.pairs.candidates: is {options.Candidates}, must be 1 for a list of triplets, whose rows are whole; leave it out");
        }

        int[][] few = [.. list.Groups.Where(rows => rows.Length < options.Candidates)];
        if (few.Length > 0)
        {
            var first = few.MinBy(rows => rows[0])!;
            throw new DataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{listing.Path}: {few.Length:N0} of {list.Groups.Count:N0} anchors have fewer than {options.Candidates} rows, the first is "
                + $"'{listing.Texts(options.Anchor)[first[0]]}' ({listing.RowName(first[0])}) with {first.Length}; list more of them, remove them or lower "
                + $"data.pairs.candidates"));
        }
    }
}
