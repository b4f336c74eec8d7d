using System.Buffers.Binary;

using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>The footer of a file of embeddings, <c>FileMetaData</c> of parquet.thrift, to the end of the file.</summary>
/// <param name="layout">What the columns are.</param>
/// <param name="metadata">What the file says of the embeddings, by key.</param>
internal sealed class EmbeddingFooter(EmbeddingLayout layout, IReadOnlyDictionary<string, string> metadata)
{
    private const int Required = 0;
    private const int Optional = 1;
    private const int Repeated = 2;
    private const int Utf8 = 0;
    private const int List = 3;
    private const int Int64 = 18;
    private const int RowGroups = 4;

    /// <summary>The footer with another row group.</summary>
    /// <param name="before">The footer before; null for the first group.</param>
    /// <param name="rows">Rows with it.</param>
    /// <param name="group">A struct <c>RowGroup</c>.</param>
    public byte[] With(byte[]? before, long rows, byte[] group)
    {
        var (count, groups) = before is null ? (0, []) : Groups(before);
        var footer = new ThriftWriter();
        footer.Int32(1, 1);
        footer.Structs(2, Columns(footer));
        footer.Int64(3, rows);
        footer.BeginStructs(RowGroups, count + 1);
        footer.Raw(groups);
        footer.Raw(group);
        footer.Structs(5, [.. metadata.Append(new(ArrowSchema.Key, ArrowSchema.Of(layout))).Select(entry => (Action)(() =>
        {
            footer.Text(1, entry.Key);
            footer.Text(2, entry.Value);
        }))]);
        footer.Text(6, $"SelfSup version {typeof(EmbeddingFooter).Assembly.GetName().Version}");
        footer.Structs(7, [.. Enumerable.Repeat((Action)(() => footer.Struct(1, () => { })), layout.HasClasses ? 5 : 3)]);
        footer.End();
        Span<byte> tail = [0, 0, 0, 0, .. "PAR1"u8];
        BinaryPrimitives.WriteInt32LittleEndian(tail, footer.Written.Length);
        return [.. footer.Written, .. tail];
    }

    /// <summary>The row groups of a footer as they stand there, and how many they are.</summary>
    private static (int Count, byte[] Groups) Groups(byte[] footer)
    {
        var reader = new ThriftReader(footer, "the footer in the journal");
        for (long id = 0; reader.NextField(ref id, out var kind);)
        {
            if (id != RowGroups)
            {
                reader.Skip(kind);
                continue;
            }

            var (element, count) = reader.ListHeader();
            var begin = footer.Length - reader.Left;
            for (ulong i = 0; i < count; i++)
            {
                reader.Skip(element);
            }

            return ((int)count, footer[begin..^reader.Left]);
        }

        throw reader.Damaged();
    }

    private Action[] Columns(ThriftWriter footer)
    {
        return
        [
            () => Group("schema", null, layout.HasClasses ? 5 : 3, null),
            () => Whole("id", Required),
            () => Text("path", Required),
            .. layout.HasClasses ? (Action[])[() => Whole("label", Optional), () => Text("class", Optional)] : [],
            () => Group("embedding", Required, 1, List),
            () => Group("list", Repeated, 1, null),
            Element,
        ];

        void Whole(string name, int repetition)
        {
            Value(ParquetType.Int64, repetition, name, Int64);
            footer.Struct(10, () => footer.Struct(10, () =>
            {
                footer.Byte(1, 64);
                footer.Boolean(2, true);
            }));
        }

        void Text(string name, int repetition)
        {
            Value(ParquetType.ByteArray, repetition, name, Utf8);
            footer.Struct(10, () => footer.Struct(1, () => { }));
        }

        void Value(ParquetType type, int repetition, string name, int converted)
        {
            footer.Int32(1, (int)type);
            footer.Int32(3, repetition);
            footer.Text(4, name);
            footer.Int32(6, converted);
        }

        void Group(string name, int? repetition, int children, int? converted)
        {
            if (repetition is { } known)
            {
                footer.Int32(3, known);
            }

            footer.Text(4, name);
            footer.Int32(5, children);
            if (converted is { } kind)
            {
                footer.Int32(6, kind);
                footer.Struct(10, () => footer.Struct(3, () => { }));
            }
        }

        void Element()
        {
            footer.Int32(1, (int)(layout.IsHalf ? ParquetType.FixedLengthByteArray : ParquetType.Float));
            if (layout.IsHalf)
            {
                footer.Int32(2, 2);
            }

            footer.Int32(3, Required);
            footer.Text(4, "element");
            if (layout.IsHalf)
            {
                footer.Struct(10, () => footer.Struct(15, () => { }));
            }
        }
    }
}
