using System.Buffers.Binary;

using static SelfSup.Search.FlatNode;

namespace SelfSup.Search;

/// <summary>
/// What an Arrow reader (pandas, pyarrow, Polars) makes of the columns, as a message of Arrow's IPC format (Schema.fbs). Parquet
/// knows lists only; by this the embeddings come back as lists of a fixed size.
/// </summary>
internal static class ArrowSchema
{
    /// <summary>The key of a Parquet file's metadata under which readers look for it.</summary>
    public const string Key = "ARROW:schema";

    private const int Version5 = 4;
    private const int SchemaHeader = 1;
    private const int IntType = 2;
    private const int FloatType = 3;
    private const int TextType = 5;
    private const int FixedSizeListType = 16;

    /// <summary>The value under <see cref="Key"/>.</summary>
    public static string Of(EmbeddingLayout layout)
    {
        var element = Field("element", isNullable: false, FloatType, new FlatTable(new FlatNumber(2, layout.IsHalf ? 0 : 1)));
        List<FlatTable> fields = [Whole("id", isNullable: false), Text("path", isNullable: false)];
        if (layout.HasClasses)
        {
            fields.AddRange([Whole("label", isNullable: true), Text("class", isNullable: true)]);
        }

        fields.Add(Field("embedding", isNullable: false, FixedSizeListType, new FlatTable(new FlatNumber(4, layout.Width)), element));
        var schema = new FlatTable(null, new FlatList(fields));
        var message = Write(new FlatTable(new FlatNumber(2, Version5), new FlatNumber(1, SchemaHeader), schema));
        var framed = new byte[8 + message.Length];
        BinaryPrimitives.WriteInt32LittleEndian(framed, -1);
        BinaryPrimitives.WriteInt32LittleEndian(framed.AsSpan(4), message.Length);
        message.CopyTo(framed, 8);
        return Convert.ToBase64String(framed);
    }

    private static FlatTable Whole(string name, bool isNullable) =>
        Field(name, isNullable, IntType, new FlatTable(new FlatNumber(4, 64), new FlatNumber(1, 1)));

    private static FlatTable Text(string name, bool isNullable) => Field(name, isNullable, TextType, new FlatTable());

    private static FlatTable Field(string name, bool isNullable, int kind, FlatTable type, params FlatTable[] children) => new(
        new FlatText(name), new FlatNumber(1, isNullable ? 1 : 0), new FlatNumber(1, kind), type, null, new FlatList(children));
}
