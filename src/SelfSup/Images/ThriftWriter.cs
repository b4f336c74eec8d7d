using System.Buffers;
using System.Text;

namespace SelfSup.Images;

/// <summary>Writes Thrift's compact protocol, the one of Parquet's footers and page headers: a struct, field after field.</summary>
internal sealed class ThriftWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Stack<int> _fields = new([0]);

    /// <summary>What was written so far.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>A field with a whole number of 32 bits.</summary>
    public void Int32(int id, int value)
    {
        Field(id, 5);
        Zigzag(value);
    }

    /// <summary>A field with a whole number of 64 bits.</summary>
    public void Int64(int id, long value)
    {
        Field(id, 6);
        Zigzag(value);
    }

    /// <summary>A field with a whole number of 8 bits.</summary>
    public void Byte(int id, sbyte value)
    {
        Field(id, 3);
        Raw([(byte)value]);
    }

    /// <summary>A field that is true or false.</summary>
    public void Boolean(int id, bool value) => Field(id, value ? 1 : 2);

    /// <summary>A field with bytes.</summary>
    public void Binary(int id, ReadOnlySpan<byte> value)
    {
        Field(id, 8);
        Binary(value);
    }

    /// <summary>A field with a text.</summary>
    public void Text(int id, string value) => Binary(id, Encoding.UTF8.GetBytes(value));

    /// <summary>A field with texts.</summary>
    public void Texts(int id, params IReadOnlyList<string> values)
    {
        List(id, 8, values.Count);
        foreach (var value in values)
        {
            Binary(Encoding.UTF8.GetBytes(value));
        }
    }

    /// <summary>A field with whole numbers of 32 bits.</summary>
    public void Int32s(int id, params IReadOnlyList<int> values)
    {
        List(id, 5, values.Count);
        foreach (var value in values)
        {
            Zigzag(value);
        }
    }

    /// <summary>A field with a struct.</summary>
    public void Struct(int id, Action write)
    {
        Field(id, 12);
        Struct(write);
    }

    /// <summary>A field with structs.</summary>
    public void Structs(int id, params IReadOnlyList<Action> writes)
    {
        BeginStructs(id, writes.Count);
        foreach (var write in writes)
        {
            Struct(write);
        }
    }

    /// <summary>Begins a field with structs, each of which follows by <see cref="Struct(Action)"/> or <see cref="Raw"/>.</summary>
    public void BeginStructs(int id, int count) => List(id, 12, count);

    /// <summary>A struct that is no field: an element of a list.</summary>
    public void Struct(Action write)
    {
        _fields.Push(0);
        write();
        _fields.Pop();
        End();
    }

    /// <summary>Ends the struct.</summary>
    public void End() => Raw([0]);

    /// <summary>Bytes that are Thrift already.</summary>
    public void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    /// <summary>Writes an unsigned number of variable length.</summary>
    public static void Number(IBufferWriter<byte> to, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            to.Write([(byte)(value | 0x80)]);
        }

        to.Write([(byte)value]);
    }

    private void Binary(ReadOnlySpan<byte> value)
    {
        Number(_bytes, (ulong)value.Length);
        Raw(value);
    }

    private void List(int id, int element, int count)
    {
        Field(id, 9);
        if (count < 15)
        {
            Raw([(byte)((count << 4) | element)]);
            return;
        }

        Raw([(byte)(0xF0 | element)]);
        Number(_bytes, (ulong)count);
    }

    private void Field(int id, int type)
    {
        var delta = id - _fields.Pop();
        _fields.Push(id);
        Raw([(byte)((delta << 4) | type)]); // of Parquet's fields none is more than 15 behind the one before
    }

    private void Zigzag(long value) => Number(_bytes, (ulong)((value << 1) ^ (value >> 63)));
}
