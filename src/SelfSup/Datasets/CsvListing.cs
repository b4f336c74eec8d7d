using nietras.SeparatedValues;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads a <see cref="Listing"/> from a CSV file.</summary>
internal static class CsvListing
{
    /// <exception cref="DataException">See <see cref="Listing.Read"/>.</exception>
    public static Listing Read(string path, IReadOnlyList<ListingColumn> columns)
    {
        try
        {
            // The library would say of a row with too many cells how many characters it has; who reads it wants to know its line.
            using var reader = Sep.Reader(options => options with { Unescape = true, Trim = SepTrim.Outer, DisableColCountCheck = true }).FromFile(path);
            return Read(path, reader, columns);
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(path, e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or NotSupportedException or InvalidOperationException)
        {
            throw new DataException($"{path}: is not a CSV file, or its quotes do not match ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); correct it", e);
        }
    }

    private static Listing Read(string path, SepReader reader, IReadOnlyList<ListingColumn> columns)
    {
        string[] header = [.. reader.Header.ColNames.Select(name => name.Trim().Trim('"'))];
        var chosen = Listing.Choose(path, columns, name => Array.IndexOf(header, name), () => Described(header));
        var lines = new ListingLines();
        var listing = new Listing(path, [.. chosen.Select(c => c.Column)], lines);
        var count = 0;
        foreach (var row in reader)
        {
            if (row.Span.IsWhiteSpace())
            {
                continue;
            }

            lines.Add(count, row.LineNumberFrom);
            if (row.ColCount != header.Length)
            {
                throw new DataException(
                    $"{listing.Where(count)}: has {row.ColCount} cells, must have {header.Length} as the header does; correct the row, or put a "
                    + "name with a separator in quotes");
            }

            for (var i = 0; i < chosen.Length; i++)
            {
                listing.Add(i, row[chosen[i].Place].Span, count);
            }

            count++;
        }

        listing.Rows = count;
        return listing;
    }

    private static string Described(string[] header) => header is []
        ? "nothing in it"
        : string.Join(", ", header.Take(10).Select(name => string.Concat(name.Take(40).Select(c => char.IsControl(c) ? '?' : c))));
}
