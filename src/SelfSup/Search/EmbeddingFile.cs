using System.Globalization;

using Parquet;
using Parquet.Schema;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>
/// A Parquet file with embeddings, ours or one that another program wrote of ours: a column <c>embedding</c> with lists of numbers, all
/// of one length, a column <c>id</c> with whole numbers, and where there are such <c>path</c>, <c>label</c> and <c>class</c>. It is
/// kept open, and read row group by row group.
/// </summary>
internal sealed class EmbeddingFile : IDisposable
{
    private const string Embedding = "embedding";
    private const string Id = "id";

    /// <summary>A footer that promises more numbers for the bytes of its file is not believed.</summary>
    private const long MostInflation = 256;

    private readonly OpenedFile _file;
    private readonly long[] _values;

    private EmbeddingFile(OpenedFile file, int[] rowsByGroup, long[] values, int width, EmbeddingFacts? facts) =>
        (_file, RowsByGroup, _values, Width, Facts) = (file, rowsByGroup, values, width, facts);

    /// <summary>Where it is.</summary>
    public string Path => _file.Path;

    /// <summary>How many rows each row group has; some may have none.</summary>
    public IReadOnlyList<int> RowsByGroup { get; }

    /// <summary>D as the file says or, where it does not, as the first row has it; 0 where there are no rows.</summary>
    public int Width { get; }

    /// <summary>What the file says of its embeddings; null where it says nothing.</summary>
    public EmbeddingFacts? Facts { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="DataException">It is no Parquet file, a damaged one, or one without embeddings.</exception>
    public static EmbeddingFile Open(string path)
    {
        var file = OpenedFile.Open(path);
        try
        {
            return ParquetAccess.Read(file, async (reader, _) =>
            {
                var columns = Columns.Of(reader, path);
                var rows = new int[reader.RowGroupCount];
                var values = new long[rows.Length];
                for (var group = 0; group < rows.Length; group++)
                {
                    using var content = reader.OpenRowGroupReader(group);
                    values[group] = content.GetMetadata(columns.Embedding)?.MetaData?.NumValues ?? -1;
                    var most = Math.Min(MostInflation * file.Length, Array.MaxLength);
                    rows[group] = content.RowCount >= 0 && content.RowCount <= most && values[group] >= 0 && values[group] <= most
                        ? (int)content.RowCount
                        : throw new DataException(
                            $"{path}: its footer promises {content.RowCount:N0} rows with {values[group]:N0} numbers in a row group, at most {most:N0} "
                            + "are believed of a file of this length; get it again, or write it with smaller row groups");
                }

                var facts = EmbeddingFacts.Read(reader.CustomMetadata, path);
                var first = Array.FindIndex(rows, count => count > 0);
                var width = first < 0 ? 0 : facts?.Dimension ?? await FirstLength(reader, first, columns.Embedding, (int)values[first]);
                return new EmbeddingFile(file, rows, values, width, facts);
            });
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The embeddings of a row group, [rows, D].</summary>
    /// <param name="group">Which.</param>
    /// <exception cref="DataException">A row has not D numbers, or one that is not finite.</exception>
    public float[] Read(int group) => ParquetAccess.Read(_file, async (reader, _) =>
    {
        var column = Columns.Of(reader, Path).Embedding;
        using var rows = reader.OpenRowGroupReader(group);
        var (values, definitions, repetitions) = await ReadAll(rows, column, (int)_values[group]);
        RequireRows(group, column.MaxDefinitionLevel, definitions, repetitions);
        RequireFinite(group, values);
        return values;
    });

    /// <summary>What the rows of a row group are the embeddings of.</summary>
    public EmbeddedImage[] Images(int group) => ParquetAccess.Read(_file, async (reader, _) =>
    {
        var columns = Columns.Of(reader, Path);
        var count = RowsByGroup[group];
        using var rows = reader.OpenRowGroupReader(group);
        var ids = await ParquetAccess.ReadIntegers(rows, columns.Id, count);
        var paths = await Texts(columns.Path);
        var labels = columns.Label is { } field ? await ParquetAccess.ReadIntegers(rows, field, count) : null;
        var classes = await Texts(columns.Class);
        return Enumerable.Range(0, count).Select(row => new EmbeddedImage(
            ids[row] ?? throw new DataException($"{Where(group, row)}: '{Id}' is null, must be a whole number in every row; remove the row"),
            paths?[row]?.ToString(),
            labels?[row],
            classes?[row]?.ToString())).ToArray();

        async Task<ReadOnlyMemory<char>?[]?> Texts(DataField? column) =>
            column is null ? null : await ParquetAccess.ReadColumn<ReadOnlyMemory<char>>(rows, column, count);
    });

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>All numbers of a row group, and how each is defined and repeated: 0 where a row begins.</summary>
    private static async Task<(float[] Values, int[] Definitions, int[] Repetitions)> ReadAll(ParquetRowGroupReader rows, DataField column, int count)
    {
        var (definitions, repetitions) = (new int[count], new int[count]);
        var values = column.ClrType switch
        {
            var type when type == typeof(float) => await Values<float>(value => value),
            var type when type == typeof(double) => await Values<double>(value => (float)value),
            _ => await Values<ReadOnlyMemory<byte>>(value => value.Length == 2 ? (float)BitConverter.ToHalf(value.Span) : float.NaN),
        };
        return (values, definitions, repetitions);

        async Task<float[]> Values<T>(Func<T, float> convert)
            where T : struct
        {
            var read = new T[count];
            await rows.ReadRawAsync<T>(column, read, definitions, repetitions);
            return read as float[] ?? Array.ConvertAll(read, value => convert(value));
        }
    }

    private static async Task<int> FirstLength(ParquetReader reader, int group, DataField column, int count)
    {
        using var rows = reader.OpenRowGroupReader(group);
        var (_, definitions, repetitions) = await ReadAll(rows, column, count);
        var end = Array.IndexOf(repetitions, 0, 1) is > 0 and var next ? next : count;
        return Array.TrueForAll(definitions[..end], level => level == column.MaxDefinitionLevel) ? end : 0;
    }

    private void RequireRows(int group, int present, int[] definitions, int[] repetitions)
    {
        var (row, length) = (-1, Width);
        for (var i = 0; i <= repetitions.Length; i++)
        {
            var begins = i == repetitions.Length || repetitions[i] == 0;
            if (begins && length != Width)
            {
                throw WrongRow(group, row, length);
            }

            (row, length) = begins ? (row + 1, 0) : (row, length);
            if (i < definitions.Length && definitions[i] != present)
            {
                throw new DataException(
                    $"{Where(group, row)}: '{Embedding}' is null, empty or has a null in it, must have {Width} numbers in every row; remove the row");
            }

            length++;
        }

        if (row != RowsByGroup[group])
        {
            throw new DataException($"{Path}: not a Parquet file, a truncated or a damaged one (a row group has {row} rows of {RowsByGroup[group]}); get it again");
        }
    }

    private DataException WrongRow(int group, int row, int length) => new(
        $"{Where(group, row)}: '{Embedding}' has {length} numbers, must have {Width} as the others have; embed all images with one network");

    private void RequireFinite(int group, float[] values)
    {
        var wrong = Array.FindIndex(values, value => !float.IsFinite(value));
        if (wrong >= 0)
        {
            throw new DataException(
                $"{Where(group, wrong / Width)}: '{Embedding}' has a number that is NaN or infinite, must be finite; remove the row, or embed the images anew");
        }
    }

    private string Where(int group, int row) => string.Create(
        CultureInfo.InvariantCulture, $"{Path}, row {RowsByGroup.Take(group).Sum(rows => (long)rows) + row}");

    /// <summary>The columns that are read.</summary>
    private sealed record Columns(DataField Embedding, DataField Id, DataField? Path, DataField? Label, DataField? Class)
    {
        public static Columns Of(ParquetReader reader, string path)
        {
            foreach (var element in reader.Metadata?.Schema ?? [])
            {
                if (element.Type == Parquet.Meta.Type.FIXED_LEN_BYTE_ARRAY && element.TypeLength == 2)
                {
                    element.LogicalType = null; // Parquet.Net refuses a file with a float16, and reads its bytes
                }
            }

            var fields = reader.Schema.GetDataFields();
            var embedding = Array.Find(fields, field => field.MaxRepetitionLevel == 1 && field.Path.FirstPart == EmbeddingFile.Embedding && IsNumber(field));
            var id = Plain(EmbeddingFile.Id, ParquetColumns.IsInteger);
            return embedding is not null && id is not null
                ? new Columns(embedding, id, Plain("path", IsText), Plain("label", ParquetColumns.IsInteger), Plain("class", IsText))
                : throw new DataException(
                    $"{path}: has no column '{(embedding is null ? EmbeddingFile.Embedding : EmbeddingFile.Id)}' of {(embedding is null ? "lists of numbers" : "whole numbers")}, it has "
                    + $"{ParquetColumns.Describe(reader.Schema)}; name a file that selfsup embed wrote");

            DataField? Plain(string name, Predicate<DataField> fits) =>
                Array.Find(fields, field => field.Path.Length == 1 && field.MaxRepetitionLevel == 0 && field.Name == name && fits(field));

            bool IsNumber(DataField field) => field.ClrType == typeof(float) || field.ClrType == typeof(double)
                || (field.ClrType == typeof(ReadOnlyMemory<byte>) && IsHalf(reader, field));

            static bool IsText(DataField field) => field.ClrType == typeof(ReadOnlyMemory<char>);
        }

        private static bool IsHalf(ParquetReader reader, DataField field) => reader.RowGroupCount == 0
            || (reader.Metadata!.RowGroups[0].Columns.Find(column => column.MetaData?.PathInSchema.SequenceEqual(field.Path.ToList()) == true)
                ?.MetaData?.Type == Parquet.Meta.Type.FIXED_LEN_BYTE_ARRAY
                && reader.Metadata.Schema.Exists(element => element.Name == field.Name && element.TypeLength == 2));
    }
}

/// <summary>What a row is the embedding of.</summary>
/// <param name="Id">The image's number among all that its source's files hold.</param>
/// <param name="Path">Where it is, or null.</param>
/// <param name="Label">Its label, or null.</param>
/// <param name="Class">Its class, or null.</param>
internal sealed record EmbeddedImage(long Id, string? Path, long? Label, string? Class);
