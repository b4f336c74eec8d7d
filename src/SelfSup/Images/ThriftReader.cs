namespace SelfSup.Images;

/// <summary>
/// The wire types of Thrift's compact protocol; integers of 16, 32 and 64 bits are written alike, and the type of a
/// boolean is its value.
/// </summary>
internal enum ThriftKind
{
    True,
    False,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

/// <summary>Reads Thrift's compact protocol, the one of Parquet's footers and page headers, from hostile bytes.</summary>
/// <param name="bytes">What is read, from its beginning.</param>
/// <param name="what">The subject of the errors: <c>its footer</c>.</param>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes, string what)
{
    private const int MostDepth = 32;

    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>How many bytes have not been read.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>Reads up to the next field of a struct; false at its end.</summary>
    /// <param name="id">The field before, 0 for the first; becomes this one.</param>
    /// <param name="kind">What follows.</param>
    /// <exception cref="InvalidDataException">As in all methods: the bytes end, or cannot be what they are.</exception>
    public bool NextField(ref long id, out ThriftKind kind)
    {
        var header = Take(1)[0];
        if (header == 0)
        {
            kind = default;
            return false;
        }

        // Every writer writes the fields in the order of their numbers, so that another order is damage.
        var next = header >> 4 is > 0 and var delta ? id + delta : Integer();
        id = next > id && next <= short.MaxValue ? next : throw Damaged();
        kind = KindOf(header & 15);
        return true;
    }

    /// <summary>Reads what begins a list: the type of its elements, and how many there are.</summary>
    public (ThriftKind Element, ulong Count) ListHeader()
    {
        var header = Take(1)[0];
        var count = header >> 4 is < 15 and var few ? (ulong)few : Number();
        var kind = KindOf(header & 15);
        if (count > (ulong)_rest.Length)
        {
            throw Damaged(); // Every element takes at least a byte.
        }

        // In a field the type of a boolean is the value; in a list it is a byte.
        return (kind is ThriftKind.True or ThriftKind.False ? ThriftKind.Byte : kind, count);
    }

    /// <summary>Reads over a value.</summary>
    public void Skip(ThriftKind kind, int depth = 0)
    {
        CheckDepth(depth);
        switch (kind)
        {
            case ThriftKind.True or ThriftKind.False:
                break;
            case ThriftKind.Byte:
                Take(1);
                break;
            case ThriftKind.Integer:
                Number();
                break;
            case ThriftKind.Double:
                Take(8);
                break;
            case ThriftKind.Uuid:
                Take(16);
                break;
            case ThriftKind.Binary:
                Take(Number());
                break;
            case ThriftKind.List:
                var (element, count) = ListHeader();
                for (ulong i = 0; i < count; i++)
                {
                    Skip(element, depth + 1);
                }

                break;
            case ThriftKind.Struct:
                for (long id = 0; NextField(ref id, out var field);)
                {
                    Skip(field, depth + 1);
                }

                break;
            default:
                throw Damaged(); // No version of Parquet has a map.
        }
    }

    /// <summary>A signed integer of a field of this kind.</summary>
    public int Int32(ThriftKind kind) =>
        kind == ThriftKind.Integer && Integer() is >= int.MinValue and <= int.MaxValue and var number
            ? (int)number
            : throw Damaged();

    /// <summary>An unsigned number of variable length.</summary>
    public ulong Number()
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

    public ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw Damaged();
        }

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    public readonly void CheckDepth(int depth)
    {
        if (depth > MostDepth)
        {
            throw Damaged();
        }
    }

    public readonly InvalidDataException Damaged() => new($"{what} is damaged");

    private long Integer()
    {
        var number = Number();
        return (long)(number >> 1) ^ -(long)(number & 1); // Zigzag: the sign is the lowest bit.
    }

    private readonly ThriftKind KindOf(int type) => type switch
    {
        1 => ThriftKind.True,
        2 => ThriftKind.False,
        3 => ThriftKind.Byte,
        4 or 5 or 6 => ThriftKind.Integer,
        7 => ThriftKind.Double,
        8 => ThriftKind.Binary,
        9 or 10 => ThriftKind.List,
        11 => ThriftKind.Map,
        12 => ThriftKind.Struct,
        13 => ThriftKind.Uuid,
        _ => throw Damaged(),
    };
}
