using Parquet;
using Parquet.Schema;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads a <see cref="Listing"/> from a Parquet file, a row group at a time.</summary>
internal static class ParquetListing
{
    /// <exception cref="DataException">See <see cref="Listing.Read"/>.</exception>
    public static Listing Read(string path, IReadOnlyList<ListingColumn> columns)
    {
        using var file = OpenedFile.Open(path);
        return ParquetAccess.Read(file, async (reader, _) =>
        {
            DataField[] fields = [.. reader.Schema.GetDataFields().Where(field => field.Path.Length == 1 && field.MaxRepetitionLevel == 0)];
            var chosen = Listing.Choose(
                path, columns, name => Array.FindIndex(fields, field => field.Name == name),
                () => ParquetColumns.Describe(reader.Schema));
            var listing = new Listing(path, [.. chosen.Select(c => c.Column)], lines: null);
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                using var rows = reader.OpenRowGroupReader(group);
                if (rows.RowCount < 0 || rows.RowCount > Array.MaxLength - listing.Rows)
                {
                    throw new DataException($"{path}: has more than {Array.MaxLength:N0} rows; divide it");
                }

                for (var i = 0; i < chosen.Length; i++)
                {
                    await ReadColumn(new Cells(listing, i, listing.Rows), rows, fields[chosen[i].Place], (int)rows.RowCount);
                }

                listing.Rows += (int)rows.RowCount;
            }

            return listing;
        });
    }

    private static async Task ReadColumn(Cells into, ParquetRowGroupReader rows, DataField field, int count)
    {
        var type = field.ClrType;
        if (type == typeof(ReadOnlyMemory<char>))
        {
            into.Add(
                await ParquetAccess.ReadColumn<ReadOnlyMemory<char>>(rows, field, count),
                static (cells, text, row) => cells.Listing.Add(cells.Column, text.Span.Trim(), row));
        }
        else if (type == typeof(bool))
        {
            into.Add(await ParquetAccess.ReadColumn<bool>(rows, field, count), static (cells, flag, row) => cells.Listing.Add(cells.Column, flag ? 1L : 0, row));
        }
        else if (type == typeof(float))
        {
            into.Add(await ParquetAccess.ReadColumn<float>(rows, field, count), static (cells, number, row) => cells.Listing.Add(cells.Column, (double)number, row));
        }
        else if (type == typeof(double))
        {
            into.Add(await ParquetAccess.ReadColumn<double>(rows, field, count), static (cells, number, row) => cells.Listing.Add(cells.Column, number, row));
        }
        else if (ParquetColumns.IsInteger(field))
        {
            into.Add(await ParquetAccess.ReadIntegers(rows, field, count), static (cells, number, row) => cells.Listing.Add(cells.Column, number, row));
        }
        else
        {
            throw new DataException($"{into.Listing.Path}: '{field.Name}' is a column of {ParquetColumns.TypeName(type)}, must be one of texts or numbers; convert it");
        }
    }

    /// <summary>The cells of a column in a row group.</summary>
    private readonly record struct Cells(Listing Listing, int Column, int FirstRow)
    {
        public void Add<T>(T?[] values, Action<Cells, T, int> add)
            where T : struct
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (values[i] is { } value)
                {
                    add(this, value, FirstRow + i);
                }
                else
                {
                    Listing.Add(Column, [], FirstRow + i);
                }
            }
        }
    }
}
