using System.Buffers.Binary;
using System.Text;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Tensors.Pickle;

/// <summary>
/// Where the records of a zip file lie, as far as <c>torch.save</c> writes them: stored as they are, none within another, each
/// name once. What is compressed, overlaps or has a path that leads elsewhere is refused (APPNOTE.TXT 4.3).
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;
    private const int EndLength = 22;
    private const int Locator64Length = 20;
    private const int End64Length = 56;
    private const int EntryLength = 46;
    private const int LocalLength = 30;
    private const int LongestComment = ushort.MaxValue;
    private const int LargestDirectory = 64 << 20;
    private const ushort Sizes64 = 1; // the extra field with sizes of 64 bits

    /// <summary>Reads it.</summary>
    /// <param name="file">The file.</param>
    /// <returns>Where the bytes of each record begin and how many there are, by its name.</returns>
    /// <exception cref="PickleException">It is damaged, or made by another program.</exception>
    public static IReadOnlyDictionary<string, ZipRecord> Read(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var (start, size) = Find(file, length);
        var entries = Entries(Bytes(file, start, size));
        var records = new Dictionary<string, ZipRecord>();
        long end = 0;
        foreach (var (name, header, bytes) in entries.OrderBy(entry => entry.Header))
        {
            if (header < end || header > start - LocalLength)
            {
                throw Damaged($"record '{ShownText.Of(name)}' lies within another");
            }

            var local = Bytes(file, header, LocalLength);
            if (BinaryPrimitives.ReadUInt32LittleEndian(local) != LocalSignature)
            {
                throw Damaged($"record '{ShownText.Of(name)}' is not where it should be");
            }

            var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(26));
            var first = header + LocalLength + nameLength + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(28));
            if (first > start - bytes)
            {
                throw Damaged($"record '{ShownText.Of(name)}' ends behind the records");
            }

            if (Encoding.UTF8.GetString(Bytes(file, header + LocalLength, nameLength)) != name)
            {
                throw Damaged($"record '{ShownText.Of(name)}' has two names");
            }

            end = first + bytes;
            if (!records.TryAdd(name, new ZipRecord(first, bytes)))
            {
                throw Damaged($"record '{ShownText.Of(name)}' is there twice");
            }
        }

        return records;
    }

    /// <summary>The bytes of a part of the file.</summary>
    public static byte[] Bytes(SafeFileHandle file, long at, long count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < bytes.Length;)
        {
            var more = RandomAccess.Read(file, bytes.AsSpan(read), at + read);
            read += more > 0 ? more : throw Damaged("it ends early");
        }

        return bytes;
    }

    /// <summary>Where the list of records begins, and its length.</summary>
    private static (long Start, long Size) Find(SafeFileHandle file, long length)
    {
        var tailLength = (int)Math.Min(length, EndLength + LongestComment + Locator64Length);
        var tail = Bytes(file, length - tailLength, tailLength);
        for (var at = tailLength - EndLength; at >= 0; at--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at)) != EndSignature)
            {
                continue;
            }

            long size = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12));
            long start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16));
            var listEnd = length - tailLength + at;
            if (at >= Locator64Length && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at - Locator64Length)) == Locator64Signature)
            {
                var place = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - Locator64Length + 8));
                if (place < 0 || place > length - End64Length)
                {
                    break;
                }

                var end64 = Bytes(file, place, End64Length);
                if (BinaryPrimitives.ReadUInt32LittleEndian(end64) != End64Signature)
                {
                    break;
                }

                size = BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(40));
                start = BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(48));
                listEnd = place;
            }

            if (size is < 0 or > LargestDirectory || start < 0 || start > listEnd - size)
            {
                break;
            }

            return (start, size);
        }

        throw Damaged("it has no list of its records, or a damaged one: the file may be cut off");
    }

    private static List<(string Name, long Header, long Bytes)> Entries(byte[] list)
    {
        var entries = new List<(string, long, long)>();
        for (var at = 0; at < list.Length;)
        {
            var entry = list.AsSpan(at);
            if (entry.Length < EntryLength || BinaryPrimitives.ReadUInt32LittleEndian(entry) != EntrySignature)
            {
                throw Damaged("the list of its records is damaged");
            }

            var flags = BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]);
            var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
            long stored = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
            long bytes = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[28..]);
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[30..]);
            int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]);
            long header = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
            var whole = EntryLength + nameLength + extraLength + commentLength;
            if (entry.Length < whole)
            {
                throw Damaged("the list of its records is damaged");
            }

            var name = Encoding.UTF8.GetString(entry.Slice(EntryLength, nameLength));
            Widen(entry.Slice(EntryLength + nameLength, extraLength), ref bytes, ref stored, ref header);
            if (name.Split('/').Any(part => part is "" or "." or "..") || name.AsSpan().IndexOfAny('\\', '\0') >= 0)
            {
                if (!name.EndsWith('/') || bytes > 0)
                {
                    throw Damaged($"a record is named '{ShownText.Of(name)}'");
                }
            }
            else if (method != 0 || (flags & 1) != 0 || stored != bytes)
            {
                throw new PickleException(
                    $"record '{ShownText.Of(name)}' is {((flags & 1) != 0 ? "encrypted" : "compressed")}, must be stored as torch.save stores it",
                    "save it again with PyTorch");
            }
            else if (bytes < 0 || header < 0)
            {
                throw Damaged($"record '{ShownText.Of(name)}' has a negative length");
            }
            else
            {
                entries.Add((name, header, bytes));
            }

            at += whole;
        }

        return entries;
    }

    /// <summary>Sizes that do not fit into 32 bits stand in an extra field.</summary>
    private static void Widen(ReadOnlySpan<byte> extra, ref long bytes, ref long stored, ref long header)
    {
        while (extra.Length >= 4)
        {
            var (id, length) = (BinaryPrimitives.ReadUInt16LittleEndian(extra), BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]));
            if (length > extra.Length - 4)
            {
                return;
            }

            if (id == Sizes64)
            {
                var field = extra.Slice(4, length);
                Take(ref field, ref bytes);
                Take(ref field, ref stored);
                Take(ref field, ref header);
                return;
            }

            extra = extra[(4 + length)..];
        }
    }

    private static void Take(ref ReadOnlySpan<byte> field, ref long value)
    {
        if (value == uint.MaxValue && field.Length >= 8)
        {
            value = BinaryPrimitives.ReadInt64LittleEndian(field);
            field = field[8..];
        }
    }

    private static PickleException Damaged(string what) => new($"its zip container is damaged: {what}");
}

/// <param name="Start">Where the record's bytes begin in the file.</param>
/// <param name="Length">How many there are.</param>
internal readonly record struct ZipRecord(long Start, long Length);
