namespace SelfSup.Images;

/// <summary>The header of a page of a Parquet column (<c>PageHeader</c> in parquet.thrift).</summary>
internal readonly record struct ParquetPage
{
    public const int Data = 0;
    public const int Index = 1;
    public const int Dictionary = 2;
    public const int DataV2 = 3;

    public const int Plain = 0;
    public const int PlainDictionary = 2;
    public const int RunLengths = 3;
    public const int RunLengthsDictionary = 8;

    private const string Subject = "the header of a page";

    /// <summary>One of the numbers above; others are not known.</summary>
    public int Type { get; private init; }

    /// <summary>Bytes of the page behind its header.</summary>
    public int Size { get; private init; }

    /// <summary>Bytes of the page when it is decompressed, the levels of a page of version 2 included.</summary>
    public int FullSize { get; private init; }

    /// <summary>How many values, nulls included.</summary>
    public int Values { get; private init; }

    /// <summary>How the values are written.</summary>
    public int Encoding { get; private init; }

    /// <summary>How the definition levels are written.</summary>
    public int LevelsEncoding { get; private init; }

    /// <summary>Bytes of the levels before the values of a page of version 2, where they are not compressed.</summary>
    public int LevelsSize { get; private init; }

    /// <summary>False for the rare page of version 2 that became larger by compression.</summary>
    public bool IsCompressed { get; private init; }

    /// <summary>Reads the header that bytes begin with, and says how long it is.</summary>
    /// <exception cref="InvalidDataException">It is no header, or one that contradicts itself.</exception>
    public static ParquetPage Read(ReadOnlySpan<byte> bytes, out int headerSize)
    {
        var reader = new ThriftReader(bytes, Subject);
        var page = new ParquetPage { Type = -1, Size = -1, FullSize = -1, Values = -1, IsCompressed = true };
        for (long id = 0; reader.NextField(ref id, out var kind);)
        {
            switch (id)
            {
                case 1:
                    page = page with { Type = reader.Int32(kind) };
                    break;
                case 2:
                    page = page with { FullSize = reader.Int32(kind) };
                    break;
                case 3:
                    page = page with { Size = reader.Int32(kind) };
                    break;
                case 5 or 7 or 8 when kind == ThriftKind.Struct:
                    page = page.WithDetails(ref reader, isVersion2: id == 8);
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }

        headerSize = bytes.Length - reader.Left;
        var isSound = page.Type >= 0 && page.Size >= 0 && page.FullSize >= 0 && page.Size <= reader.Left
            && (page.Values >= 0 || page.Type is not (Data or Dictionary or DataV2))
            && page.LevelsSize <= Math.Min(page.Size, page.FullSize);
        return isSound ? page : throw reader.Damaged();
    }

    /// <summary>Reads the header's part for one type of page; their first two fields are the same.</summary>
    private ParquetPage WithDetails(ref ThriftReader reader, bool isVersion2)
    {
        var page = this with { LevelsEncoding = RunLengths };
        for (long id = 0; reader.NextField(ref id, out var kind);)
        {
            switch (id, isVersion2)
            {
                case (1, _):
                    page = page with { Values = reader.Int32(kind) };
                    break;
                case (2, false) or (4, true):
                    page = page with { Encoding = reader.Int32(kind) };
                    break;
                case (3, false) when kind == ThriftKind.Integer:
                    page = page with { LevelsEncoding = reader.Int32(kind) };
                    break;
                case (5, true):
                    page = page with { LevelsSize = reader.Int32(kind) is >= 0 and var size ? size : throw reader.Damaged() };
                    break;
                case (6, true): // Repetition levels: a row has one image, so that there are none.
                    page = reader.Int32(kind) == 0 ? page : throw reader.Damaged();
                    break;
                case (7, true):
                    page = page with { IsCompressed = kind != ThriftKind.False };
                    reader.Skip(kind);
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }

        return page;
    }
}
