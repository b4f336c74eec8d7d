using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// Columns of a table in a file: CSV with a header (the separator is what the header has: comma, semicolon, tab or bar), or Parquet.
/// Only what is asked for is kept, and no object for a cell.
/// </summary>
internal sealed class Listing
{
    private readonly ListingTexts?[] _texts;
    private readonly List<double>?[] _numbers;
    private readonly IReadOnlyList<ListingColumn> _columns;
    private readonly ListingLines? _lines;

    /// <param name="path">The file.</param>
    /// <param name="columns">The columns that the file has of those that were asked for.</param>
    /// <param name="lines">Where rows stand in a text, or null where rows have numbers of their own.</param>
    internal Listing(string path, IReadOnlyList<ListingColumn> columns, ListingLines? lines)
    {
        (Path, _columns, _lines) = (path, columns, lines);
        _texts = [.. columns.Select(column => column.Holds == ListingCells.Text ? new ListingTexts() : null)];
        _numbers = [.. columns.Select(column => column.Holds == ListingCells.Numbers ? new List<double>() : null)];
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How many rows it has; at least one.</summary>
    public int Rows { get; internal set; }

    /// <summary>Reads a file. What it is, its first bytes say.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">What is wanted of it.</param>
    /// <exception cref="DataException">It cannot be read, lacks a column, has no rows, or a cell is not what it must be.</exception>
    public static Listing Read(string path, params IReadOnlyList<ListingColumn> columns)
    {
        if (!File.Exists(path))
        {
            throw new DataException($"{path}: there is no such file; check the path");
        }

        var listing = ImageSources.IsParquetFile(path) ? ParquetListing.Read(path, columns) : CsvListing.Read(path, columns);
        return listing.Rows > 0
            ? listing
            : throw new DataException($"{path}: has no rows, must have at least one; check the path");
    }

    /// <summary>Whether the file has a column that was asked for.</summary>
    public bool Has(string column) => Find(column) >= 0;

    /// <summary>A column of texts.</summary>
    public ListingTexts Texts(string column) => _texts[Find(column)]!;

    /// <summary>A column of numbers, one a row.</summary>
    public ReadOnlySpan<double> Numbers(string column) => CollectionsMarshal.AsSpan(_numbers[Find(column)]!);

    /// <summary>Where a row is, for messages: <c>pairs.csv, line 12</c>; rows of Parquet files count from 0, as in DuckDB and pandas.</summary>
    public string Where(int row) => $"{Path}, {RowName(row)}";

    /// <summary>The row without the file: <c>line 12</c>.</summary>
    public string RowName(int row) => string.Create(
        CultureInfo.InvariantCulture, $"{(_lines is null ? "row" : "line")} {_lines?[row] ?? row}");

    /// <summary>The columns of those that are wanted which a file has, and their places in it.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="wanted">What is asked for.</param>
    /// <param name="place">The place of a name in the file, or -1.</param>
    /// <param name="there">What the file has, in words.</param>
    /// <exception cref="DataException">One is missing that is not optional.</exception>
    internal static (ListingColumn Column, int Place)[] Choose(
        string path, IReadOnlyList<ListingColumn> wanted, Func<string, int> place, Func<string> there)
    {
        (ListingColumn Column, int Place)[] found =
        [
            .. wanted.Where(column => column.Unless is not { } other || place(other) < 0).Select(column => (column, place(column.Name))),
        ];
        string[] missing = [.. found.Where(f => f.Place < 0 && !f.Column.IsOptional).Select(f => $"'{f.Column.Name}'")];
        return missing is []
            ? [.. found.Where(f => f.Place >= 0)]
            : throw new DataException(
                $"{path}: has no column {string.Join(" and no ", missing)}, it has {there()}; rename a column, or say what they are called");
    }

    /// <summary>Adds a cell of the row that is being read.</summary>
    /// <param name="column">The place of its column among those of the listing.</param>
    /// <param name="text">What is in it.</param>
    /// <param name="row">The row's place.</param>
    /// <exception cref="DataException">It is empty, or no number where one must be.</exception>
    internal void Add(int column, ReadOnlySpan<char> text, int row)
    {
        if (text.IsEmpty)
        {
            throw new DataException(
                $"{Where(row)}: '{_columns[column].Name}' is empty, must have a value in every row; correct or remove the row{OrUnread(column)}");
        }

        if (_texts[column] is { } texts)
        {
            texts.Add(text);
        }
        else if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
        {
            _numbers[column]!.Add(number);
        }
        else
        {
            _numbers[column]!.Add(bool.TryParse(text, out var flag) ? flag ? 1 : 0 : throw NoNumber(column, text, row));
        }
    }

    /// <inheritdoc cref="Add(int, ReadOnlySpan{char}, int)"/>
    internal void Add(int column, double number, int row)
    {
        if (_numbers[column] is { } numbers)
        {
            numbers.Add(double.IsFinite(number) ? number : throw NoNumber(column, number.ToString(CultureInfo.InvariantCulture), row));
            return;
        }

        Span<char> digits = stackalloc char[32];
        _ = number.TryFormat(digits, out var length, provider: CultureInfo.InvariantCulture);
        Add(column, digits[..length], row);
    }

    /// <inheritdoc cref="Add(int, ReadOnlySpan{char}, int)"/>
    internal void Add(int column, long number, int row)
    {
        if (_numbers[column] is { } numbers)
        {
            numbers.Add(number);
            return;
        }

        Span<char> digits = stackalloc char[20];
        _ = number.TryFormat(digits, out var length, provider: CultureInfo.InvariantCulture);
        _texts[column]!.Add(digits[..length]);
    }

    private DataException NoNumber(int column, ReadOnlySpan<char> text, int row) => new(
        $"{Where(row)}: '{_columns[column].Name}' is '{text[..Math.Min(text.Length, 40)]}', must be a finite number; correct or remove the row"
        + OrUnread(column));

    private string OrUnread(int column) => _columns[column].Unwanted is { } how ? $", or leave the column unread by {how}" : "";

    private int Find(string column) => _columns.TakeWhile(c => c.Name != column).Count() is var place && place < _columns.Count ? place : -1;
}
