using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>
/// Checks the footer of a Parquet file before Parquet.Net reads it. That reader takes the types of known fields for
/// granted and at the end of its input reads 0xFF for ever, so that one wrong byte in a footer can keep it in an
/// endless loop. What passes here is a complete <c>FileMetaData</c> (parquet.thrift) in Thrift's compact protocol,
/// with every known field of the type it must have, and none missing that must be there.
/// </summary>
internal static class ParquetFooter
{
    private static readonly Shape _integer = new(ThriftKind.Integer);
    private static readonly Shape _binary = new(ThriftKind.Binary);
    private static readonly Shape _boolean = new(ThriftKind.True);
    private static readonly Shape _byte = new(ThriftKind.Byte);
    private static readonly Shape _fileMetaData = FileMetaData();

    /// <returns>The footer.</returns>
    /// <exception cref="InvalidDataException">The file does not begin or end like a Parquet file.</exception>
    public static byte[] Check(Stream file)
    {
        Span<byte> tail = stackalloc byte[8];
        if (file.Length < 12)
        {
            throw new InvalidDataException("it is too short");
        }

        file.Position = 0;
        file.ReadExactly(tail[..4]);
        if (!tail[..4].SequenceEqual("PAR1"u8))
        {
            throw new InvalidDataException("it does not begin like one");
        }

        file.Seek(-8, SeekOrigin.End);
        file.ReadExactly(tail);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8) || length > file.Length - 12)
        {
            throw new InvalidDataException("its end is missing");
        }

        var footer = new byte[length];
        file.Seek(-8 - length, SeekOrigin.End);
        file.ReadExactly(footer);
        file.Position = 0;
        var reader = new ThriftReader(footer, "its footer");
        Walk(ref reader, ThriftKind.Struct, _fileMetaData, depth: 0);
        return footer;
    }

    private static void Walk(ref ThriftReader reader, ThriftKind kind, Shape? shape, int depth)
    {
        if (shape is not null && shape.Kind != (kind == ThriftKind.False ? ThriftKind.True : kind))
        {
            throw reader.Damaged();
        }

        reader.CheckDepth(depth);
        switch (kind)
        {
            case ThriftKind.List:
                var (element, count) = reader.ListHeader();
                for (ulong i = 0; i < count; i++)
                {
                    Walk(ref reader, element, shape?.Element, depth + 1);
                }

                break;
            case ThriftKind.Struct:
                var required = shape?.Required ?? [];
                var found = 0;
                for (long id = 0; reader.NextField(ref id, out var field);)
                {
                    Walk(ref reader, field, shape?.Fields?.GetValueOrDefault(id), depth + 1);
                    found += required.Contains(id) ? 1 : 0;
                }

                if (found < required.Length)
                {
                    throw reader.Damaged();
                }

                break;
            default:
                reader.Skip(kind, depth);
                break;
        }
    }

    private static Shape Struct(params (long Id, Shape Shape)[] fields) =>
        new(ThriftKind.Struct, Fields: fields.ToDictionary(field => field.Id, field => field.Shape));

    private static Shape List(Shape element) => new(ThriftKind.List, element);

    /// <summary>
    /// The fields of parquet.thrift that are known to every reader; other fields only have to be well formed.
    /// </summary>
    private static Shape FileMetaData()
    {
        var any = Struct();
        var time = Struct((1, _boolean), (2, Struct((1, any), (2, any), (3, any))));
        var logicalType = Struct(
            (1, any), (2, any), (3, any), (4, any), (5, Struct((1, _integer), (2, _integer))), (6, any),
            (7, time), (8, time),
            (10, Struct((1, _byte), (2, _boolean))), (11, any), (12, any), (13, any), (14, any), (15, any));
        var schemaElement = Struct(
            (1, _integer), (2, _integer), (3, _integer), (4, _binary), (5, _integer), (6, _integer), (7, _integer),
            (8, _integer), (9, _integer), (10, logicalType)) with
        {
            Required = [4],
        };
        var keyValue = Struct((1, _binary), (2, _binary));
        var statistics = Struct(
            (1, _binary), (2, _binary), (3, _integer), (4, _integer), (5, _binary), (6, _binary),
            (7, _boolean), (8, _boolean));
        var encodingStatistics = Struct((1, _integer), (2, _integer), (3, _integer));
        var sizes = Struct((1, _integer), (2, List(_integer)), (3, List(_integer)));
        var columnMetaData = Struct(
            (1, _integer), (2, List(_integer)), (3, List(_binary)), (4, _integer), (5, _integer),
            (6, _integer), (7, _integer),
            (8, List(keyValue)), (9, _integer), (10, _integer), (11, _integer), (12, statistics),
            (13, List(encodingStatistics)), (14, _integer), (15, _integer), (16, sizes)) with
        {
            Required = [1, 2, 3, 4, 5, 6, 7, 9],
        };
        var encryption = Struct((1, any), (2, Struct((1, List(_binary)), (2, _binary))));
        var columnChunk = Struct(
            (1, _binary), (2, _integer), (3, columnMetaData), (4, _integer), (5, _integer), (6, _integer),
            (7, _integer),
            (8, encryption), (9, _binary));
        var sorting = Struct((1, _integer), (2, _boolean), (3, _boolean));
        var rowGroup = Struct(
            (1, List(columnChunk)), (2, _integer), (3, _integer), (4, List(sorting)), (5, _integer),
            (6, _integer), (7, _integer)) with
        {
            Required = [1, 2, 3],
        };
        var cipher = Struct((1, _binary), (2, _binary), (3, _boolean));
        return Struct(
            (1, _integer), (2, List(schemaElement)), (3, _integer), (4, List(rowGroup)), (5, List(keyValue)),
            (6, _binary),
            (7, List(Struct((1, any)))), (8, Struct((1, cipher), (2, cipher))), (9, _binary)) with
        {
            Required = [1, 2, 3, 4],
        };
    }

    /// <summary>The type a value must have.</summary>
    private sealed record Shape(ThriftKind Kind, Shape? Element = null, IReadOnlyDictionary<long, Shape>? Fields = null)
    {
        /// <summary>The fields without which a struct is none.</summary>
        public long[] Required { get; init; } = [];
    }
}
