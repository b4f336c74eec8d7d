using Parquet.Schema;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>The columns of a Parquet file that hold images and labels.</summary>
/// <param name="Image">A binary column, or the <c>bytes</c> of a struct.</param>
/// <param name="Label">An integer column, or null where the file has no labels.</param>
internal sealed record ParquetColumns(DataField Image, DataField? Label)
{
    /// <summary>A larger label is taken for something else than a class: an identifier, a hash.</summary>
    public const int MostClasses = 1_000_000;

    private static readonly Type[] _integers =
    [
        typeof(sbyte), typeof(byte), typeof(short), typeof(ushort),
        typeof(int), typeof(uint), typeof(long), typeof(ulong),
    ];

    /// <param name="schema">The file's columns.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="imageColumn">See <see cref="ImageSourceOptions.ImageColumn"/>.</param>
    /// <param name="labelColumn">See <see cref="ImageSourceOptions.LabelColumn"/>.</param>
    /// <exception cref="DataException">No column fits, or more than one.</exception>
    public static ParquetColumns Choose(ParquetSchema schema, string path, string? imageColumn, string? labelColumn)
    {
        // A column inside a list has several values for a row.
        DataField[] fields = [.. schema.GetDataFields().Where(field => field.MaxRepetitionLevel == 0)];
        var images = fields.Where(IsImage).ToDictionary(Column, StringComparer.Ordinal);
        var labels = fields.Where(IsLabel).ToDictionary(Column, StringComparer.Ordinal);
        return new ParquetColumns(Image(), Label());

        DataField Image()
        {
            if (imageColumn is not null)
            {
                return images.TryGetValue(imageColumn, out var named)
                    ? named
                    : throw new DataException(
                        $"{path}: '{imageColumn}' is no column of images, it holds {Describe(schema)}; set "
                        + "data.imageColumn");
            }

            return images.GetValueOrDefault("image") ?? images.GetValueOrDefault("img") ?? images.Count switch
            {
                1 => images.Values.Single(),
                0 => throw new DataException(
                    $"{path}: holds no images, only {Describe(schema)}; must have a binary column or a struct "
                    + "with binary 'bytes'; check the path"),
                _ => throw new DataException(
                    $"{path}: several columns may be the images ({string.Join(", ", images.Keys.Select(Printable))}) and none is called "
                    + "'image'; set data.imageColumn"),
            };
        }

        DataField? Label() => labelColumn is null || labels.ContainsKey(labelColumn)
            ? labels.GetValueOrDefault(labelColumn ?? "label")
            : throw new DataException(
                $"{path}: '{labelColumn}' is no column of integers, it holds {Describe(schema)}; set data.labelColumn");
    }

    /// <summary>Whether a column holds whole numbers.</summary>
    public static bool IsInteger(DataField field) => _integers.Contains(field.ClrType);

    private static bool IsImage(DataField field) =>
        field.ClrType == typeof(ReadOnlyMemory<byte>)
        && (field.Path.Length == 1 || (field.Path.Length == 2 && field.Name == "bytes"));

    private static bool IsLabel(DataField field) => field.Path.Length == 1 && IsInteger(field);

    private static string Column(DataField field) => field.Path.FirstPart!;

    /// <summary>A name as it can stand in the line of a message: a damaged one may hold anything.</summary>
    private static string Printable(string name) => string.Concat(name.Select(c => char.IsControl(c) ? '?' : c));

    /// <summary>The columns and their types: <c>title (string), score (double)</c>.</summary>
    public static string Describe(ParquetSchema schema) =>
        string.Join(", ", schema.GetDataFields().Take(20).Select(
            field => $"{Printable(field.Path.ToString())} ({TypeName(field.ClrType)})"));

    /// <summary>What a type is called in messages.</summary>
    public static string TypeName(Type type) =>
        type == typeof(ReadOnlyMemory<char>) ? "string"
        : type == typeof(ReadOnlyMemory<byte>) ? "binary"
        : type.Name.ToLowerInvariant();
}
