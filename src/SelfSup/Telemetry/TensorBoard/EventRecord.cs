using System.Buffers.Binary;
using System.Numerics;

using Google.Protobuf;

using SelfSup.Telemetry.TensorBoard.Schema;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// Records of an event file, framed as TensorFlow's TFRecord: length, its checksum, content, its checksum, all little-endian.
/// </summary>
internal static class EventRecord
{
    /// <summary>Bytes around the content.</summary>
    public const int FrameBytes = HeadBytes + sizeof(uint);

    private const int HeadBytes = sizeof(ulong) + sizeof(uint);
    private const int LargestContent = 1 << 30; // a length beyond it is damage
    private const uint MaskDelta = 0xA282EAD8;

    /// <summary>An event with its frame.</summary>
    public static byte[] Frame(Event content)
    {
        var length = content.CalculateSize();
        var record = new byte[length + FrameBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(sizeof(ulong)), Masked(Crc32C(record.AsSpan(0, sizeof(ulong)))));
        content.WriteTo(record.AsSpan(HeadBytes, length));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(HeadBytes + length), Masked(Crc32C(record.AsSpan(HeadBytes, length))));
        return record;
    }

    /// <summary>Reads the next event.</summary>
    /// <returns>The event; null at the end, and where a record is cut off or damaged.</returns>
    public static Event? Read(Stream stream)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        if (stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false) < HeadBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(head[sizeof(ulong)..]) != Masked(Crc32C(head[..sizeof(ulong)]))
            || BinaryPrimitives.ReadUInt64LittleEndian(head) is not (<= LargestContent and var length))
        {
            return null;
        }

        var rest = new byte[(int)length + sizeof(uint)];
        if (stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) < rest.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(rest.AsSpan((int)length)) != Masked(Crc32C(rest.AsSpan(0, (int)length))))
        {
            return null;
        }

        try
        {
            return Event.Parser.ParseFrom(rest, 0, (int)length);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4).</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        }

        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }

    /// <summary>A checksum as TFRecord stores it: the checksum of data that holds checksums would say little otherwise.</summary>
    public static uint Masked(uint crc) => BitOperations.RotateRight(crc, 15) + MaskDelta;
}
