using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads the numbers that belong to images.</summary>
internal static class ValueListing
{
    private const int MostNamed = 5;

    /// <summary>The numbers of each image, in the order of the images, [M, V].</summary>
    /// <param name="options">The file and its columns.</param>
    /// <param name="source">The images.</param>
    /// <exception cref="DataException">It cannot be read, lacks a column, or has no row, or two, for an image.</exception>
    public static float[,] Read(ValueListOptions options, IImageSource source)
    {
        var listing = Listing.Read(
            options.Path,
            [new(options.Image, ListingCells.Text), .. options.Columns.Select(column => new ListingColumn(column, ListingCells.Numbers))]);
        var rows = RowsOf(listing, ImageNames.Find(listing, source, options.Image)[0], source);
        var values = new float[source.Count, options.Columns.Length];
        for (var column = 0; column < options.Columns.Length; column++)
        {
            var numbers = listing.Numbers(options.Columns[column]);
            for (var image = 0; image < rows.Length; image++)
            {
                values[image, column] = (float)numbers[rows[image]];
            }
        }

        return values;
    }

    /// <summary>The row of each image.</summary>
    private static int[] RowsOf(Listing listing, int[] images, IImageSource source)
    {
        var rows = new int[source.Count];
        Array.Fill(rows, -1);
        for (var row = 0; row < images.Length; row++)
        {
            if (images[row] is not (>= 0 and var image))
            {
                continue;
            }

            if (rows[image] >= 0)
            {
                throw new DataException(
                    $"{listing.Where(row)}: is of '{source.Name(image)}', as {listing.RowName(rows[image])} is; must have one row for an image; remove one");
            }

            rows[image] = row;
        }

        int[] missing = [.. Enumerable.Range(0, rows.Length).Where(image => rows[image] < 0)];
        return missing is []
            ? rows
            : throw new DataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{listing.Path}: has no row for {missing.Length:N0} of {source.Count:N0} images: "
                + $"{string.Join(", ", missing.Take(MostNamed).Select(image => $"'{source.Name(image)}'"))}{(missing.Length > MostNamed ? ", ..." : "")}; "
                + $"add them, or leave these images out"));
    }
}
