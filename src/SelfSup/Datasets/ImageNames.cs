using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// The images that a listing names: by <see cref="IImageSource.Name"/>, which is a path below a folder, or by the number of their
/// row among all that the files hold, from 0.
/// </summary>
internal static class ImageNames
{
    private const int MostNamed = 5;

    /// <summary>The index of the image of every row, for each column.</summary>
    /// <param name="listing">The listing.</param>
    /// <param name="source">The images.</param>
    /// <param name="columns">Columns of texts that the listing has.</param>
    /// <exception cref="DataException">Some are not images of the source; the message has the first of them and how many rows name one.</exception>
    public static int[][] Indices(Listing listing, IImageSource source, params IReadOnlyList<string> columns)
    {
        var images = Find(listing, source, columns);
        Require(listing, source, columns, images);
        return images;
    }

    /// <summary>The index of the image of every row, for each column; -1 where it is none of the source's.</summary>
    /// <param name="listing">The listing.</param>
    /// <param name="source">The images.</param>
    /// <param name="columns">Columns of texts that the listing has.</param>
    public static int[][] Find(Listing listing, IImageSource source, params IReadOnlyList<string> columns)
    {
        var byName = new Lazy<Dictionary<string, int>>(() => ByName(source));
        var byRow = new Lazy<Dictionary<int, int>?>(() => ByRow(source));
        return [.. columns.Select(listing.Texts).Select(texts =>
        {
            int[] found = [.. texts.Different.Select(IndexOf)];
            var images = new int[listing.Rows];
            for (var row = 0; row < images.Length; row++)
            {
                images[row] = found[texts.Codes[row]];
            }

            return images;
        })];

        int IndexOf(string text)
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var row))
            {
                return byName.Value.GetValueOrDefault(text, -1);
            }

            return byRow.Value is { } rows ? rows.GetValueOrDefault(row, -1) : row < source.Count ? row : -1;
        }
    }

    private static Dictionary<string, int> ByName(IImageSource source)
    {
        var names = new Dictionary<string, int>(source.Count, StringComparer.Ordinal);
        for (var i = 0; i < source.Count; i++)
        {
            names[source.Name(i)] = i;
        }

        return names;
    }

    /// <summary>Null where every image has its row's number.</summary>
    private static Dictionary<int, int>? ByRow(IImageSource source)
    {
        var last = source.Count - 1;
        return source.Row(last) == last ? null : Enumerable.Range(0, source.Count).ToDictionary(source.Row);
    }

    private static void Require(Listing listing, IImageSource source, IReadOnlyList<string> columns, int[][] images)
    {
        if (Array.TrueForAll(images, column => !column.AsSpan().Contains(-1)))
        {
            return;
        }

        var named = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var count = 0;
        for (var row = 0; row < listing.Rows; row++)
        {
            var isWrong = false;
            for (var column = 0; column < images.Length; column++)
            {
                if (images[column][row] >= 0)
                {
                    continue;
                }

                isWrong = true;
                var text = listing.Texts(columns[column])[row];
                if (seen.Add(text) && seen.Count <= MostNamed)
                {
                    named.Add($"'{text}' ({listing.RowName(row)}, {columns[column]})");
                }
            }

            count += isWrong ? 1 : 0;
        }

        throw new DataException(string.Create(
            CultureInfo.InvariantCulture,
            $"{listing.Path}: {count:N0} of {listing.Rows:N0} rows name images that are not there, {seen.Count:N0} of them: "
            + $"{string.Join(", ", named)}{(seen.Count > named.Count ? ", ..." : "")}; there are {source.Count:N0} images, such as "
            + $"'{source.Name(0)}', or by their row from 0; correct the names, or what of the images is left out"));
    }
}
