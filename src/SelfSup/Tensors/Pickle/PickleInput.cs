using System.Buffers.Binary;
using System.Text;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Tensors.Pickle;

/// <summary>The bytes of a file that pickles are in, one after the other, none of them before it is asked for.</summary>
/// <param name="file">The file.</param>
/// <param name="at">Where they begin.</param>
/// <param name="end">Where they end.</param>
internal sealed class PickleInput(SafeFileHandle file, long at, long end)
{
    private const int BufferLength = 1 << 16;
    private const int LongestLine = 4096; // of modules and names
    private const int LongestValue = 64 << 20; // as much as a pickle may have

    private readonly byte[] _buffer = new byte[Math.Min(BufferLength, Math.Max(end - at, 0))];
    private int _next;
    private int _filled;

    /// <summary>Where the next byte lies in the file.</summary>
    public long Position { get; private set; } = at;

    /// <summary>How many bytes are left.</summary>
    public long Left => end - Position;

    /// <summary>The next byte.</summary>
    public byte Byte()
    {
        if (_next == _filled)
        {
            _filled = (int)Math.Min(_buffer.Length, Left);
            _next = 0;
            Load(_buffer.AsSpan(0, _filled), Position);
            if (_filled == 0)
            {
                throw new PickleException("it ends early");
            }
        }

        Position++;
        return _buffer[_next++];
    }

    /// <summary>The next bytes. A length that is only claimed allocates nothing.</summary>
    public byte[] Bytes(long count)
    {
        if (count < 0 || count > Math.Min(Left, LongestValue))
        {
            throw new PickleException(count > LongestValue && count <= Left ? $"a value in it has {count} bytes" : "it ends early");
        }

        var bytes = new byte[count];
        var buffered = (int)Math.Min(count, _filled - _next);
        _buffer.AsSpan(_next, buffered).CopyTo(bytes);
        Load(bytes.AsSpan(buffered), Position + buffered);
        _next += buffered;
        if (count > buffered)
        {
            _next = _filled = 0;
        }

        Position += count;
        return bytes;
    }

    /// <summary>The next bytes as text; what is no UTF-8 becomes a question mark.</summary>
    public string Text(long bytes) => Encoding.UTF8.GetString(Bytes(bytes));

    /// <summary>A line of text, without its end.</summary>
    public string Line()
    {
        var line = new StringBuilder();
        for (var next = Byte(); next != (byte)'\n'; next = Byte())
        {
            line.Append((char)next);
            if (line.Length > LongestLine)
            {
                throw new PickleException($"a name in it is longer than {LongestLine} characters");
            }
        }

        return line.ToString();
    }

    /// <summary>A number of two bytes.</summary>
    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    /// <summary>A number of four bytes.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    /// <summary>A number of eight bytes.</summary>
    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    private void Load(Span<byte> target, long from)
    {
        while (target.Length > 0)
        {
            var count = RandomAccess.Read(file, target, from);
            if (count == 0)
            {
                throw new PickleException("it ends early");
            }

            target = target[count..];
            from += count;
        }
    }
}
