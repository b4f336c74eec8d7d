using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

using Parquet.Meta;

using Snappier;

using ZstdSharp;

namespace SelfSup.Images;

/// <summary>
/// Reads the images of a row group from their pages straight into a block, whose memory is used again, where Parquet.Net
/// allocates every value. What is not compressed stays where it was read.
/// </summary>
internal ref struct ParquetPages
{
    // What a byte can become at most, so that a header that asks for more is a lie: copies of 64 bytes in 3, and blocks
    // of 128 KiB in 4.
    private const int MostSnappyInflation = 32;
    private const int MostZstdInflation = 1 << 16;

    private readonly ParquetChunk _chunk;
    private readonly ReadOnlySpan<byte> _pages;
    private readonly int _rows;
    private int _position;
    private int _values;

    private ParquetPages(ParquetChunk chunk, ReadOnlySpan<byte> pages, int rows)
    {
        _chunk = chunk;
        _pages = pages;
        _rows = rows;
    }

    private readonly bool IsCompressed => _chunk.Codec != CompressionCodec.UNCOMPRESSED;

    /// <summary>Fills a block; false where the pages are written in a way that is not known here.</summary>
    /// <exception cref="InvalidDataException">The pages are damaged.</exception>
    public static bool Read(SafeFileHandle file, ParquetChunk chunk, int rows, ImageBlock block)
    {
        if (chunk.Codec == CompressionCodec.UNCOMPRESSED)
        {
            var content = block.ResetContent(chunk.Length);
            ReadExactly(file, content, chunk.Position);
            return new ParquetPages(chunk, content, rows).Read(content, block);
        }

        var compressed = block.Buffers.Rent(chunk.Length);
        try
        {
            var pages = compressed.AsSpan(0, chunk.Length);
            ReadExactly(file, pages, chunk.Position);
            return new ParquetPages(chunk, pages, rows).Read([], block);
        }
        finally
        {
            block.Buffers.Return(compressed);
        }
    }

    private static void ReadExactly(SafeFileHandle file, Span<byte> into, long position)
    {
        if (!FileReading.Fill(file, into, position))
        {
            throw new EndOfStreamException("the file became shorter");
        }
    }

    private bool Read(Span<byte> content, ImageBlock block)
    {
        if (!Measure(out var length, out var entries))
        {
            return false;
        }

        content = IsCompressed ? block.ResetContent(length) : content;
        var places = block.ResetPlaces(_rows);
        var dictionary = entries == 0 ? [] : block.Buffers.Rent(ImageBlock.PlacesLength(entries));
        try
        {
            Decode(content, places, MemoryMarshal.Cast<byte, ImagePlace>(dictionary.AsSpan())[..entries]);
        }
        finally
        {
            block.Buffers.Return(dictionary);
        }

        return true;
    }

    /// <summary>
    /// Walks over all headers before memory is taken: how many bytes the pages have when they are decompressed, and how
    /// many entries the dictionary has.
    /// </summary>
    private bool Measure(out int length, out int entries)
    {
        (_position, _values, length, entries) = (0, 0, 0, 0);
        long sum = 0;
        var isFirst = true;
        while (_values < _rows)
        {
            var page = NextPage();
            var size = IsCompressed ? page.FullSize : page.Size;
            if (page.Type == ParquetPage.Dictionary)
            {
                // Before all others there may be one, and each of its entries takes at least four bytes.
                Check(isFirst && page.Values <= size / 4);
                entries = page.Values;
                if (page.Encoding is not (ParquetPage.Plain or ParquetPage.PlainDictionary))
                {
                    return false;
                }
            }
            else if (page.Type is ParquetPage.Data or ParquetPage.DataV2)
            {
                Check(page.Values <= _rows - _values);
                _values += page.Values;
                var isKnown = page.Encoding
                    is ParquetPage.Plain or ParquetPage.PlainDictionary or ParquetPage.RunLengthsDictionary;
                if (!isKnown || (_chunk.MaxLevel > 0 && page.LevelsEncoding != ParquetPage.RunLengths))
                {
                    return false;
                }
            }
            else
            {
                continue;
            }

            isFirst = false;
            var inflation = _chunk.Codec == CompressionCodec.SNAPPY ? MostSnappyInflation : MostZstdInflation;
            Check(size <= (long)inflation * page.Size);
            sum += size;
        }

        Check(sum <= Array.MaxLength);
        length = (int)sum;
        return true;
    }

    private void Decode(Span<byte> content, Span<ImagePlace> places, Span<ImagePlace> dictionary)
    {
        using var zstd = _chunk.Codec == CompressionCodec.ZSTD ? new Decompressor() : null;
        (_position, _values) = (0, 0);
        var filled = 0;
        while (_values < _rows)
        {
            var page = NextPage();
            if (page.Type is not (ParquetPage.Data or ParquetPage.DataV2 or ParquetPage.Dictionary))
            {
                continue;
            }

            // The body, and where its values lie in the content, in which the images keep their places.
            var start = _position - page.Size;
            var body = _pages.Slice(start, page.Size);
            var levels = body[..page.LevelsSize];
            var (offset, end) = (start + page.LevelsSize, _position);
            if (IsCompressed)
            {
                var target = content.Slice(filled, page.FullSize - page.LevelsSize);
                Decompress(body[page.LevelsSize..], target, page.IsCompressed, zstd);
                (offset, end) = (filled, filled + target.Length);
                filled = end;
            }

            if (page.Type == ParquetPage.Dictionary)
            {
                ReadPlain(content, ref offset, end, dictionary);
                continue;
            }

            if (page.Type == ParquetPage.Data && _chunk.MaxLevel > 0)
            {
                Check(end - offset >= 4);
                var size = BinaryPrimitives.ReadInt32LittleEndian(content[offset..]);
                Check(size >= 0 && size <= end - offset - 4);
                levels = content.Slice(offset + 4, size);
                offset += 4 + size;
            }

            ReadValues(page, content, offset, end, levels, places.Slice(_values, page.Values), dictionary);
            _values += page.Values;
        }
    }

    private ParquetPage NextPage()
    {
        var page = ParquetPage.Read(_pages[_position..], out var headerSize);
        _position += headerSize + page.Size;
        return page;
    }

    private static void Decompress(
        ReadOnlySpan<byte> source, Span<byte> target, bool isCompressed, Decompressor? zstd)
    {
        if (!isCompressed)
        {
            Check(source.Length == target.Length);
            source.CopyTo(target);
        }
        else if (target.IsEmpty)
        {
            // Nothing is there, and what writers make of nothing differs.
        }
        else if (zstd is not null)
        {
            Check(zstd.Unwrap(source, target) == target.Length);
        }
        else
        {
            Check(Snappy.GetUncompressedLength(source) == target.Length);
            Check(Snappy.Decompress(source, target) == target.Length);
        }
    }

    private readonly void ReadValues(
        ParquetPage page, ReadOnlySpan<byte> content, int offset, int end, ReadOnlySpan<byte> levels,
        Span<ImagePlace> places, ReadOnlySpan<ImagePlace> dictionary)
    {
        var level = new HybridReader(levels, BitOperations.Log2((uint)_chunk.MaxLevel) + 1);
        var isPlain = page.Encoding == ParquetPage.Plain;
        var hasIndices = !isPlain && offset < end; // Not where all are null.
        var width = hasIndices ? content[offset++] : 0;
        Check(width <= 32);
        var index = new HybridReader(hasIndices ? content[offset..end] : [], width);
        for (var row = 0; row < places.Length; row++)
        {
            if (_chunk.MaxLevel > 0 && level.Next() != _chunk.MaxLevel)
            {
                places[row] = ImagePlace.None;
            }
            else if (isPlain)
            {
                ReadPlain(content, ref offset, end, places.Slice(row, 1));
            }
            else
            {
                var entry = index.Next();
                Check(entry < dictionary.Length);
                places[row] = dictionary[(int)entry];
            }
        }
    }

    private static void ReadPlain(ReadOnlySpan<byte> content, ref int offset, int end, Span<ImagePlace> places)
    {
        foreach (ref var place in places)
        {
            Check(end - offset >= 4);
            var length = BinaryPrimitives.ReadInt32LittleEndian(content[offset..]);
            offset += 4;
            Check(length >= 0 && length <= end - offset);
            place = new ImagePlace(offset, length);
            offset += length;
        }
    }

    private static void Check(bool isSound)
    {
        if (!isSound)
        {
            throw new InvalidDataException("a page is damaged");
        }
    }
}
