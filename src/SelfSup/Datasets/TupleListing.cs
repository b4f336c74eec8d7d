using System.Globalization;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads a list of pairs or triplets.</summary>
internal static class TupleListing
{
    /// <param name="options">The file and its columns.</param>
    /// <param name="source">The images that it names.</param>
    /// <exception cref="DataException">It cannot be read, lacks a column, or its rows make no tuples of these images.</exception>
    public static TupleList Read(PairListOptions options, IImageSource source)
    {
        var negative = Optional(options.Negative, "negative", ListingCells.Text);
        var score = Optional(options.Score, "score", ListingCells.Numbers);
        var listing = Listing.Read(
            options.Path,
            [new(options.Anchor, ListingCells.Text), new(options.Positive, ListingCells.Text), .. negative, .. score]);
        string[] columns = [options.Anchor, options.Positive, .. negative.Select(column => column.Name).Where(listing.Has)];
        var images = ImageNames.Indices(listing, source, columns);
        RequireDifferent(listing, images, columns);
        var list = new TupleList(
            images[0],
            images[1],
            images.Length > 2 ? images[2] : [],
            score is [var scored] && listing.Has(scored.Name) ? listing.Numbers(scored.Name).ToArray() : [],
            options.Candidates);
        if (options.Candidates > 1)
        {
            RequireCandidates(listing, options, list);
        }

        return list;
    }

    /// <summary>A column that the file must have where a setting names it and may have where none does; none where the setting is empty.</summary>
    private static ListingColumn[] Optional(string? setting, string name, ListingCells holds) => setting switch
    {
        null => [new(name, holds, IsOptional: true, Unwanted: $"data.pairs.{name}: \"\"")],
        "" => [],
        _ => [new(setting, holds)],
    };

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
