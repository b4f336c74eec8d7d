using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace SelfSup.Images;

/// <summary>Where the images of a row group lie in their file, and how they are written there.</summary>
/// <param name="Position">The first byte of the first page.</param>
/// <param name="Length">Bytes of all pages.</param>
/// <param name="Codec">How the pages are compressed.</param>
/// <param name="MaxLevel">The definition level of an image that is there: 1 or 2 where one can be null.</param>
internal sealed record ParquetChunk(long Position, int Length, CompressionCodec Codec, int MaxLevel)
{
    /// <summary>
    /// The images of a row group, or null where they are written in a way that <see cref="ParquetPages"/> does not
    /// read, or not in the file at all.
    /// </summary>
    public static ParquetChunk? Of(ParquetRowGroupReader rows, DataField field, long fileLength)
    {
        var column = rows.RowGroup.Columns.Find(
            column => column.MetaData?.PathInSchema.SequenceEqual(field.Path.ToList()) == true);
        if (column is not { MetaData: { } data, FilePath: null, CryptoMetadata: null }
            || data.Type != Parquet.Meta.Type.BYTE_ARRAY
            || field.MaxDefinitionLevel > 2
            || data.Codec is not (CompressionCodec.UNCOMPRESSED or CompressionCodec.SNAPPY or CompressionCodec.ZSTD)
            || !data.Encodings.TrueForAll(IsKnown))
        {
            return null;
        }

        var position = data.DictionaryPageOffset is > 0 and { } dictionary
            ? Math.Min(dictionary, data.DataPageOffset)
            : data.DataPageOffset;
        return position >= 0 && position <= fileLength && data.TotalCompressedSize >= 0
            && data.TotalCompressedSize <= Math.Min(fileLength - position, Array.MaxLength)
            ? new(position, (int)data.TotalCompressedSize, data.Codec, field.MaxDefinitionLevel)
            : null;
    }

    private static bool IsKnown(Encoding encoding) =>
        encoding is Encoding.PLAIN or Encoding.RLE or Encoding.BIT_PACKED or Encoding.PLAIN_DICTIONARY
            or Encoding.RLE_DICTIONARY;
}
