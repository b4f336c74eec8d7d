using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>
/// Writes the columns of a row group, uncompressed: embeddings do not get smaller. Parquet.Net, which writes all our other Parquet
/// files, knows no float16 and wants two numbers beside every value of a list, three times the memory.
/// </summary>
/// <param name="file">Where to, at its position.</param>
/// <param name="layout">What the columns are.</param>
internal sealed class EmbeddingColumns(Stream file, EmbeddingLayout layout)
{
    private const int PageBytes = 1 << 20;
    private const int Plain = 0;
    private const int Rle = 3;

    private readonly List<Action<ThriftWriter>> _chunks = [];
    private long _bytes;

    /// <summary>Writes a row group.</summary>
    /// <returns>What the footer says of it: a struct <c>RowGroup</c> of parquet.thrift.</returns>
    public byte[] Write(EmbeddingRows rows)
    {
        Chunk("id", ParquetType.Int64, rows.Count, Range(rows.Ids), () => Page(rows.Count, [], Fixed(rows.Ids)));
        Chunk("path", ParquetType.ByteArray, rows.Count, null, () => Page(rows.Count, [], Texts(rows.Paths)));
        if (layout.HasClasses)
        {
            var there = rows.Labels.Where(label => label >= 0).ToArray();
            var levels = Levels([.. rows.Labels.Select(label => label >= 0)]);
            Chunk("label", ParquetType.Int64, rows.Count, null, () => Page(rows.Count, levels, Fixed([.. there.Select(label => (long)label)])));
            Chunk("class", ParquetType.ByteArray, rows.Count, null, () => Page(rows.Count, levels, Texts([.. there.Select(label => layout.ClassNames[label])])));
        }

        Chunk(
            ["embedding", "list", "element"],
            layout.IsHalf ? ParquetType.FixedLengthByteArray : ParquetType.Float,
            (long)rows.Count * layout.Width,
            null,
            () => Embeddings(rows));
        var group = new ThriftWriter();
        group.BeginStructs(1, _chunks.Count);
        foreach (var chunk in _chunks)
        {
            group.Struct(() => chunk(group));
        }

        group.Int64(2, _bytes);
        group.Int64(3, rows.Count);
        group.End();
        return group.Written.ToArray();
    }

    private void Chunk(string name, ParquetType type, long values, (byte[] Least, byte[] Most)? range, Action write) =>
        Chunk([name], type, values, range, write);

    private void Chunk(IReadOnlyList<string> path, ParquetType type, long values, (byte[] Least, byte[] Most)? range, Action write)
    {
        var begin = file.Position;
        write();
        var length = file.Position - begin;
        _bytes += length;
        _chunks.Add(chunk =>
        {
            chunk.Int64(2, begin);
            chunk.Struct(3, () =>
            {
                chunk.Int32(1, (int)type);
                chunk.Int32s(2, Plain, Rle);
                chunk.Texts(3, path);
                chunk.Int32(4, 0); // not compressed
                chunk.Int64(5, values);
                chunk.Int64(6, length);
                chunk.Int64(7, length);
                chunk.Int64(9, begin);
                if (range is { } known)
                {
                    chunk.Struct(12, () =>
                    {
                        chunk.Int64(3, 0);
                        chunk.Binary(5, known.Most);
                        chunk.Binary(6, known.Least);
                    });
                }
            });
        });
    }

    private void Embeddings(EmbeddingRows rows)
    {
        var pageRows = Math.Max(1, PageBytes / (layout.NumberBytes * layout.Width));
        for (var first = 0; first < rows.Count; first += pageRows)
        {
            var count = Math.Min(pageRows, rows.Count - first);
            var values = rows.Values.Slice(first * layout.Width, count * layout.Width);
            Page(values.Length, ListLevels(count), layout.IsHalf ? Halves(values) : MemoryMarshal.AsBytes(values));
        }
    }

    private void Page(int values, ReadOnlySpan<byte> levels, ReadOnlySpan<byte> content)
    {
        var header = new ThriftWriter();
        header.Int32(1, 0); // a data page
        header.Int32(2, levels.Length + content.Length);
        header.Int32(3, levels.Length + content.Length);
        header.Struct(5, () =>
        {
            header.Int32(1, values);
            header.Int32(2, Plain);
            header.Int32(3, Rle);
            header.Int32(4, Rle);
        });
        header.End();
        file.Write(header.Written);
        file.Write(levels);
        file.Write(content);
    }

    /// <summary>Which rows have a value.</summary>
    private static byte[] Levels(bool[] isThere)
    {
        var runs = new ArrayBufferWriter<byte>();
        for (var first = 0; first < isThere.Length;)
        {
            var end = first + 1;
            while (end < isThere.Length && isThere[end] == isThere[first])
            {
                end++;
            }

            Run(runs, end - first, isThere[first]);
            first = end;
        }

        return Framed(runs);
    }

    /// <summary>Which values begin a list, and that all of them are there.</summary>
    private byte[] ListLevels(int rows)
    {
        var repetitions = new ArrayBufferWriter<byte>();
        for (var row = 0; row < rows; row++)
        {
            Run(repetitions, 1, false);
            if (layout.Width > 1)
            {
                Run(repetitions, layout.Width - 1, true);
            }
        }

        var definitions = new ArrayBufferWriter<byte>();
        Run(definitions, rows * layout.Width, true);
        return [.. Framed(repetitions), .. Framed(definitions)];
    }

    private static void Run(ArrayBufferWriter<byte> to, int length, bool value)
    {
        ThriftWriter.Number(to, (ulong)length << 1);
        to.Write([value ? (byte)1 : (byte)0]);
    }

    private static byte[] Framed(ArrayBufferWriter<byte> runs)
    {
        var framed = new byte[4 + runs.WrittenCount];
        BinaryPrimitives.WriteInt32LittleEndian(framed, runs.WrittenCount);
        runs.WrittenSpan.CopyTo(framed.AsSpan(4));
        return framed;
    }

    private static (byte[] Least, byte[] Most) Range(IReadOnlyList<long> values) => (Fixed([values.Min()]).ToArray(), Fixed([values.Max()]).ToArray());

    private static ReadOnlySpan<byte> Fixed(IReadOnlyList<long> values) => MemoryMarshal.AsBytes<long>(values.ToArray());

    private static byte[] Halves(ReadOnlySpan<float> values)
    {
        var halves = new byte[2 * values.Length];
        var to = MemoryMarshal.Cast<byte, Half>(halves.AsSpan());
        for (var i = 0; i < values.Length; i++)
        {
            to[i] = (Half)values[i];
        }

        return halves;
    }

    private static byte[] Texts(IReadOnlyList<string> texts)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var text in texts)
        {
            var length = Encoding.UTF8.GetByteCount(text);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.GetSpan(4), length);
            bytes.Advance(4);
            Encoding.UTF8.GetBytes(text, bytes);
        }

        return bytes.WrittenSpan.ToArray();
    }
}

/// <summary>How Parquet stores values: <c>Type</c> of parquet.thrift.</summary>
internal enum ParquetType
{
    Int64 = 2,
    Float = 4,
    ByteArray = 6,
    FixedLengthByteArray = 7,
}
