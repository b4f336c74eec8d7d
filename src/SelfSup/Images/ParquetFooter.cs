using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>
/// Checks the footer of a Parquet file before Parquet.Net reads it. That reader takes the types of known fields for
/// granted and at the end of its input reads 0xFF for ever, so that one wrong byte in a footer can keep it in an
/// endless loop. What passes here is a complete <c>FileMetaData</c> (parquet.thrift) in Thrift's compact protocol,
/// with every known field of the type it must have.
/// </summary>
internal ref struct ParquetFooter
{
    private const int MostDepth = 32;

    private static readonly Shape _integer = new(Kind.Integer);
    private static readonly Shape _binary = new(Kind.Binary);
    private static readonly Shape _boolean = new(Kind.Boolean);
    private static readonly Shape _byte = new(Kind.Byte);
    private static readonly Shape _fileMetaData = FileMetaData();

    private ReadOnlySpan<byte> _rest;

    /// <summary>The wire types of the compact protocol; integers of 16, 32 and 64 bits are written alike.</summary>
    private enum Kind
    {
        Boolean,
        Byte,
        Integer,
        Double,
        Binary,
        List,
        Map,
        Struct,
        Uuid,
    }

    /// <exception cref="InvalidDataException">The file does not end like a Parquet file.</exception>
    public static void Check(Stream file)
    {
        Span<byte> tail = stackalloc byte[8];
        if (file.Length < 12)
        {
            throw new InvalidDataException("it is too short");
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
        new ParquetFooter { _rest = footer }.Walk(Kind.Struct, _fileMetaData, depth: 0);
    }

    private void Walk(Kind kind, Shape? shape, int depth)
    {
        if (depth > MostDepth || (shape is not null && shape.Kind != kind))
        {
            throw Damaged();
        }

        switch (kind)
        {
            case Kind.Boolean: // In a field the type is the value; in a list it is a byte, see WalkList.
                break;
            case Kind.Byte:
                Take(1);
                break;
            case Kind.Integer:
                Number();
                break;
            case Kind.Double:
                Take(8);
                break;
            case Kind.Uuid:
                Take(16);
                break;
            case Kind.Binary:
                Take(Number());
                break;
            case Kind.List:
                WalkList(shape?.Element, depth);
                break;
            case Kind.Map:
                throw Damaged(); // No version of the format has one.
            default:
                WalkStruct(shape?.Fields, depth);
                break;
        }
    }

    private void WalkStruct(IReadOnlyDictionary<long, Shape>? fields, int depth)
    {
        for (long id = 0, header = Take(1)[0]; header != 0; header = Take(1)[0])
        {
            id = header >> 4 is > 0 and var delta ? id + delta : ZigZag(Number());
            Walk(KindOf((int)header & 15), fields?.GetValueOrDefault(id), depth + 1);
        }
    }

    private void WalkList(Shape? element, int depth)
    {
        var header = Take(1)[0];
        var count = header >> 4 is < 15 and var few ? (ulong)few : Number();
        var kind = KindOf(header & 15);
        if (count > (ulong)_rest.Length)
        {
            throw Damaged(); // Every element takes at least a byte.
        }

        for (ulong i = 0; i < count; i++)
        {
            Walk(kind == Kind.Boolean ? Kind.Byte : kind, element, depth + 1);
        }
    }

    private ulong Number()
    {
        ulong number = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var value = Take(1)[0];
            number |= (ulong)(value & 0x7F) << shift;
            if (value < 0x80)
            {
                return number;
            }
        }

        throw Damaged();
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw Damaged();
        }

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private static long ZigZag(ulong number) => (long)(number >> 1) ^ -(long)(number & 1);

    private static Kind KindOf(int type) => type switch
    {
        1 or 2 => Kind.Boolean,
        3 => Kind.Byte,
        4 or 5 or 6 => Kind.Integer,
        7 => Kind.Double,
        8 => Kind.Binary,
        9 or 10 => Kind.List,
        11 => Kind.Map,
        12 => Kind.Struct,
        13 => Kind.Uuid,
        _ => throw Damaged(),
    };

    private static InvalidDataException Damaged() => new("its footer is damaged");

    private static Shape Struct(params (long Id, Shape Shape)[] fields) =>
        new(Kind.Struct, Fields: fields.ToDictionary(field => field.Id, field => field.Shape));

    private static Shape List(Shape element) => new(Kind.List, element);

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
            (8, _integer), (9, _integer), (10, logicalType));
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
            (13, List(encodingStatistics)), (14, _integer), (15, _integer), (16, sizes));
        var encryption = Struct((1, any), (2, Struct((1, List(_binary)), (2, _binary))));
        var columnChunk = Struct(
            (1, _binary), (2, _integer), (3, columnMetaData), (4, _integer), (5, _integer), (6, _integer),
            (7, _integer),
            (8, encryption), (9, _binary));
        var sorting = Struct((1, _integer), (2, _boolean), (3, _boolean));
        var rowGroup = Struct(
            (1, List(columnChunk)), (2, _integer), (3, _integer), (4, List(sorting)), (5, _integer),
            (6, _integer), (7, _integer));
        var cipher = Struct((1, _binary), (2, _binary), (3, _boolean));
        return Struct(
            (1, _integer), (2, List(schemaElement)), (3, _integer), (4, List(rowGroup)), (5, List(keyValue)),
            (6, _binary),
            (7, List(Struct((1, any)))), (8, Struct((1, cipher), (2, cipher))), (9, _binary));
    }

    /// <summary>The type a value must have.</summary>
    private sealed record Shape(Kind Kind, Shape? Element = null, IReadOnlyDictionary<long, Shape>? Fields = null);
}
