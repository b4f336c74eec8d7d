using System.Buffers.Binary;
using System.Text;

using Snappier;

using ZstdSharp;

namespace SelfSup.Tests.Images;

/// <summary>
/// Writes Parquet files page by page, as other programs write them: many pages in a column, pages of version 1 and 2,
/// dictionaries, and every level at which an image can be null.
/// </summary>
/// <param name="codec">How pages are compressed: 0 not at all, 1 Snappy, 6 Zstandard.</param>
/// <param name="version">Of the data pages, 1 or 2.</param>
/// <param name="maxLevel">0 for a required column, 1 for an optional one, 2 for one in an optional struct.</param>
internal sealed class ParquetPagesFile(int codec, int version, int maxLevel)
{
    private readonly List<byte> _file = [];
    private readonly List<byte> _groups = [];
    private int _count;
    private long _rows;

    /// <summary>How many rows a page has.</summary>
    public int RowsPerPage { get; init; } = 3;

    /// <summary>
    /// The first pages of a row group refer to a dictionary of all their values, as pyarrow writes them until it has
    /// grown too large.
    /// </summary>
    public int PagesWithDictionary { get; init; }

    /// <summary>How many bytes more than there are the headers of pages promise.</summary>
    public int Exaggeration { get; init; }

    /// <summary>Writes a file of one column, <c>image</c>.</summary>
    /// <param name="path">Where.</param>
    /// <param name="groups">By row group and row. Null images are null structs and null bytes in turn.</param>
    public void Write(string path, IReadOnlyList<IReadOnlyList<byte[]?>> groups)
    {
        _file.AddRange("PAR1"u8);
        foreach (var images in groups)
        {
            WriteGroup(images);
        }

        var schema = maxLevel == 2
            ? new Thrift().Name(4, "schema").Integer(5, 1).End()
                + new Thrift().Integer(3, 1).Name(4, "image").Integer(5, 1).End()
                + new Thrift().Integer(1, 6).Integer(3, 1).Name(4, "bytes").End()
            : new Thrift().Name(4, "schema").Integer(5, 1).End()
                + new Thrift().Integer(1, 6).Integer(3, maxLevel).Name(4, "image").End();
        var footer = new Thrift().Integer(1, 2).List(2, 12, maxLevel == 2 ? 3 : 2, schema).Integer(3, _rows)
            .List(4, 12, _count, Thrift.Text([.. _groups])).End();
        var bytes = Encoding.Latin1.GetBytes(footer);
        _file.AddRange(bytes);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        _file.AddRange(length);
        _file.AddRange("PAR1"u8);
        File.WriteAllBytes(path, [.. _file]);
    }

    private void WriteGroup(IReadOnlyList<byte[]?> images)
    {
        var start = _file.Count;
        long full = 0;
        var dictionary = images.Take(PagesWithDictionary * RowsPerPage).OfType<byte[]>().ToList();
        if (PagesWithDictionary > 0)
        {
            var values = Plain(dictionary);
            WritePage(2, 7, [], values, new Thrift().Integer(1, dictionary.Count).Integer(2, 0).End());
        }

        var firstData = _file.Count;
        var taken = 0;
        foreach (var rows in images.Chunk(RowsPerPage).Select((rows, page) => (Page: page, Rows: rows)))
        {
            var present = rows.Rows.OfType<byte[]>().ToList();
            var indices = Enumerable.Range(taken, present.Count).ToArray();
            taken += present.Count;
            var isPlain = rows.Page >= PagesWithDictionary;
            var values = isPlain ? Plain(present) : [17, .. Packed(indices, 17)];
            var levels = maxLevel == 0 ? [] : Levels(rows.Rows, rows.Page);
            var encoding = isPlain ? 0 : version == 1 ? 2 : 8;
            if (version == 1)
            {
                byte[] prefix = maxLevel == 0 ? [] : [.. BitConverter.GetBytes(levels.Length), .. levels];
                var header = new Thrift().Integer(1, rows.Rows.Length).Integer(2, encoding).Integer(3, 3).Integer(4, 3);
                WritePage(0, 5, [], [.. prefix, .. values], header.End());
            }
            else
            {
                var header = new Thrift().Integer(1, rows.Rows.Length).Integer(2, rows.Rows.Length - present.Count)
                    .Integer(3, rows.Rows.Length).Integer(4, encoding).Integer(5, levels.Length).Integer(6, 0);
                WritePage(3, 8, levels, values, header.End());
            }
        }

        var column = new Thrift().Integer(1, 6).List(2, 5, 3, "\u0000\u0006\u0010").List(
                3, 8, maxLevel == 2 ? 2 : 1, maxLevel == 2 ? "\u0005image\u0005bytes" : "\u0005image")
            .Integer(4, codec).Integer(5, images.Count).Integer(6, full).Integer(7, _file.Count - start)
            .Integer(9, firstData);
        column = PagesWithDictionary > 0 ? column.Integer(11, start) : column;
        var chunk = new Thrift().Integer(2, start).Struct(3, column.End()).End();
        _groups.AddRange(Encoding.Latin1.GetBytes(
            new Thrift().List(1, 12, 1, chunk).Integer(2, full).Integer(3, images.Count).End()));
        _count++;
        _rows += images.Count;

        void WritePage(int type, int field, byte[] levels, byte[] values, string details)
        {
            var body = Compress(values);
            var header = Encoding.Latin1.GetBytes(new Thrift().Integer(1, type).Integer(2, levels.Length + values.Length + Exaggeration)
                .Integer(3, levels.Length + body.Length).Struct(field, details).End());
            full += header.Length + levels.Length + values.Length;
            _file.AddRange(header);
            _file.AddRange(levels);
            _file.AddRange(body);
        }
    }

    private byte[] Compress(byte[] values)
    {
        if (codec == 6)
        {
            using var compressor = new Compressor();
            return compressor.Wrap(values).ToArray();
        }

        return codec == 1 ? Snappy.CompressToArray(values) : values;
    }

    private static byte[] Plain(List<byte[]> images) =>
        [.. images.SelectMany(image => (byte[])[.. BitConverter.GetBytes(image.Length), .. image])];

    /// <summary>Definition levels, in odd pages as packed bits and in even ones as repeated values.</summary>
    private byte[] Levels(byte[]?[] rows, int page)
    {
        var levels = rows.Select((image, row) => image is null ? row % maxLevel : maxLevel).ToArray();
        return page % 2 == 1
            ? Packed(levels, maxLevel)
            : [.. levels.SelectMany(level => (byte[])[2, (byte)level])];
    }

    private static byte[] Packed(int[] values, int width)
    {
        var groups = (values.Length + 7) / 8;
        var bits = new byte[groups * width];
        for (var bit = 0; bit < values.Length * width; bit++)
        {
            bits[bit / 8] |= (byte)(((values[bit / width] >> (bit % width)) & 1) << (bit % 8));
        }

        return [(byte)((groups << 1) | 1), .. bits];
    }

    /// <summary>A struct in Thrift's compact protocol, as text of one character a byte.</summary>
    private sealed class Thrift
    {
        private readonly StringBuilder _text = new();
        private int _last;

        public static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);

        public Thrift Integer(int id, long value)
        {
            Begin(id, 6);
            Number(value << 1);
            return this;
        }

        public Thrift Name(int id, string value)
        {
            Begin(id, 8);
            Number(value.Length);
            _text.Append(value);
            return this;
        }

        public Thrift Struct(int id, string value)
        {
            Begin(id, 12);
            _text.Append(value);
            return this;
        }

        public Thrift List(int id, int type, int count, string values)
        {
            Begin(id, 9);
            _text.Append((char)(0xF0 | type));
            Number(count);
            _text.Append(values);
            return this;
        }

        public string End() => _text.Append('\0').ToString();

        private void Begin(int id, int type)
        {
            _text.Append((char)(((id - _last) << 4) | type));
            _last = id;
        }

        private void Number(long value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                _text.Append((char)((value & 0x7F) | 0x80));
            }

            _text.Append((char)value);
        }
    }
}
