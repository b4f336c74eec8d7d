using System.Buffers.Binary;
using System.Text;

namespace SelfSup.Search;

/// <summary>
/// A value of a FlatBuffer, the encoding of Arrow's schemas. Every value is written before those that it refers to, so that all
/// offsets point forward, as the format wants it.
/// </summary>
internal abstract record FlatNode
{
    /// <summary>Bytes that the value takes where it stands: its own, or those of an offset.</summary>
    protected virtual int Size => 4;

    /// <summary>A whole buffer.</summary>
    /// <param name="root">The table that it holds.</param>
    /// <returns>The buffer, of a length that 8 divides.</returns>
    public static byte[] Write(FlatTable root)
    {
        var bytes = new List<byte>(1024);
        Refer(bytes, Room(bytes, 4), root);
        Align(bytes, 8);
        return [.. bytes];
    }

    /// <summary>Writes what is referred to, and returns its position.</summary>
    protected abstract int Append(List<byte> bytes);

    /// <summary>Writes the value where it stands.</summary>
    protected virtual void Put(List<byte> bytes, int at) => Refer(bytes, at, this);

    /// <summary>Fills up to a position that a number divides.</summary>
    protected static void Align(List<byte> bytes, int to)
    {
        while (bytes.Count % to != 0)
        {
            bytes.Add(0);
        }
    }

    /// <summary>Room for bytes, at a position that their number divides (4 at most).</summary>
    protected static int Room(List<byte> bytes, int size)
    {
        Align(bytes, Math.Min(size, 4));
        bytes.AddRange(new byte[size]);
        return bytes.Count - size;
    }

    /// <summary>Writes a number into its room.</summary>
    protected static void Set(List<byte> bytes, int at, int size, int value)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, value);
        for (var i = 0; i < size; i++)
        {
            bytes[at + i] = number[i];
        }
    }

    private static void Refer(List<byte> bytes, int at, FlatNode to) => Set(bytes, at, 4, to.Append(bytes) - at);

    /// <summary>A whole number.</summary>
    internal sealed record FlatNumber(int Bytes, int Value) : FlatNode
    {
        protected override int Size => Bytes;

        protected override int Append(List<byte> bytes) => throw new InvalidOperationException("a number is referred to by nothing");

        protected override void Put(List<byte> bytes, int at) => Set(bytes, at, Bytes, Value);
    }

    /// <summary>A text.</summary>
    internal sealed record FlatText(string Value) : FlatNode
    {
        protected override int Append(List<byte> bytes)
        {
            var text = Encoding.UTF8.GetBytes(Value);
            var at = Room(bytes, 4);
            Set(bytes, at, 4, text.Length);
            bytes.AddRange(text);
            bytes.Add(0);
            return at;
        }
    }

    /// <summary>A list of tables.</summary>
    internal sealed record FlatList(params IReadOnlyList<FlatTable> Tables) : FlatNode
    {
        protected override int Append(List<byte> bytes)
        {
            var at = Room(bytes, 4);
            Set(bytes, at, 4, Tables.Count);
            int[] places = [.. Tables.Select(_ => Room(bytes, 4))];
            foreach (var (place, table) in places.Zip(Tables))
            {
                table.Put(bytes, place);
            }

            return at;
        }
    }

    /// <summary>A table: a value, or null, for each of its slots.</summary>
    internal sealed record FlatTable(params IReadOnlyList<FlatNode?> Slots) : FlatNode
    {
        protected override int Append(List<byte> bytes)
        {
            Align(bytes, 4);
            var directory = bytes.Count; // its length, the table's, and where each slot's value is in it
            bytes.AddRange(new byte[4 + (2 * Slots.Count)]);
            var table = Room(bytes, 4);
            int[] places = [.. Slots.Select(slot => slot is null ? 0 : PlaceFor(bytes, slot))];
            Set(bytes, directory, 2, 4 + (2 * Slots.Count));
            Set(bytes, directory + 2, 2, bytes.Count - table);
            Set(bytes, table, 4, table - directory);
            for (var slot = 0; slot < Slots.Count; slot++)
            {
                if (Slots[slot] is { } value)
                {
                    Set(bytes, directory + 4 + (2 * slot), 2, places[slot] - table);
                    value.Put(bytes, places[slot]);
                }
            }

            return table;
        }

        private static int PlaceFor(List<byte> bytes, FlatNode slot) => Room(bytes, slot.Size);
    }
}
