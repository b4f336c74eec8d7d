using System.Buffers.Binary;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// The markers of a JPEG file (ITU-T T.81, annex B): what they say of the image and its scans. Reused from file to file.
/// </summary>
internal sealed unsafe class JpegHeader
{
    private const int MostBlocksInMcu = 10;

    private readonly JpegComponent[] _all = [new(), new(), new(), new()];
    private readonly JpegTables _tables = new();
    private readonly JpegComponent[] _scan = new JpegComponent[4];
    private int _componentCount;
    private int _scanCount;
    private int _adobeTransform;
    private bool _isJfif;
    private bool _isDeclined;

    /// <summary>W, as stored.</summary>
    public int Width { get; private set; }

    /// <summary>H, as stored.</summary>
    public int Height { get; private set; }

    /// <summary>How the image has to be turned, 1 to 8 as in EXIF.</summary>
    public int Orientation { get; private set; }

    public bool IsProgressive { get; private set; }

    public ReadOnlySpan<JpegComponent> Components => _all.AsSpan(0, _componentCount);

    /// <summary>The components of the current scan.</summary>
    public ReadOnlySpan<JpegComponent> Scan => _scan.AsSpan(0, _scanCount);

    /// <summary>The largest <see cref="JpegComponent.Horizontal"/>.</summary>
    public int HorizontalMost { get; private set; }

    /// <summary>The largest <see cref="JpegComponent.Vertical"/>.</summary>
    public int VerticalMost { get; private set; }

    /// <summary>MCUs in a row and in a column of an interleaved scan.</summary>
    public (int Width, int Height) Mcus { get; private set; }

    /// <summary>MCUs between restart markers; 0 where there are none.</summary>
    public int RestartInterval { get; private set; }

    /// <summary>The first coefficient of the current scan, in zigzag order.</summary>
    public int SpectralStart { get; private set; }

    /// <summary>The last coefficient of the current scan, in zigzag order.</summary>
    public int SpectralEnd { get; private set; }

    /// <summary>The bit that the current scan begins from; 0 where it brings the first bits.</summary>
    public int ApproximationHigh { get; private set; }

    /// <summary>The bit that the current scan goes down to.</summary>
    public int ApproximationLow { get; private set; }

    public JpegColor Color => _componentCount switch
    {
        1 => JpegColor.Gray,
        4 => _adobeTransform == 2 ? JpegColor.Ycck : JpegColor.Cmyk,
        _ when _isJfif => JpegColor.YCbCr,
        _ when _adobeTransform >= 0 => _adobeTransform == 0 ? JpegColor.Rgb : JpegColor.YCbCr,
        _ => (_all[0].Id, _all[1].Id, _all[2].Id) == ('R', 'G', 'B') ? JpegColor.Rgb : JpegColor.YCbCr,
    };

    /// <summary>Reads up to the first scan.</summary>
    /// <param name="file">The file, from its start of image on.</param>
    /// <param name="position">Takes where the first scan's data begin.</param>
    /// <returns>Whether this decoder is for such files.</returns>
    /// <exception cref="JpegException">The header is damaged.</exception>
    public bool Read(ReadOnlySpan<byte> file, out int position)
    {
        (_componentCount, _scanCount, _adobeTransform, _isJfif, _isDeclined) = (0, 0, -1, false, false);
        (Width, Height, Orientation, IsProgressive, RestartInterval) = (0, 0, 0, false, 0);
        _tables.Clear();
        Array.ForEach(_all, component => component.Plane.Trim()); // of the image before

        position = 2; // behind the start of image
        if (!ReadToScan(file, ref position) && !_isDeclined)
        {
            throw new JpegException("holds no image");
        }

        Orientation = Math.Max(1, Orientation);
        return !_isDeclined;
    }

    /// <summary>Reads up to the next scan; false at the end of the image.</summary>
    /// <param name="file">The file.</param>
    /// <param name="position">Where to begin; takes where the scan's data begin.</param>
    /// <exception cref="JpegException">The file is damaged or ends before its end marker.</exception>
    public bool ReadToScan(ReadOnlySpan<byte> file, ref int position)
    {
        while (true)
        {
            var marker = NextMarker(file, ref position);
            if (marker == 0xD9)
            {
                return false;
            }

            if (marker is 0xD8 or 0x01 or (>= 0xD0 and <= 0xD7))
            {
                continue; // without content
            }

            var length = position + 2 <= file.Length
                ? BinaryPrimitives.ReadUInt16BigEndian(file[position..])
                : throw JpegException.Truncated();
            if (length < 2 || position + length > file.Length)
            {
                throw length < 2 ? JpegException.Damaged("a segment without length") : JpegException.Truncated();
            }

            var segment = file.Slice(position + 2, length - 2);
            position += length;
            switch (marker)
            {
                case 0xDB:
                    _tables.ReadQuantization(segment);
                    break;
                case 0xC4:
                    _tables.ReadHuffman(segment);
                    break;
                case 0xC0 or 0xC1 or 0xC2:
                    ReadFrame(segment, marker == 0xC2);
                    break;
                case >= 0xC3 and <= 0xCF and not (0xC8 or 0xCC):
                    // lossless, hierarchical or arithmetic coding
                    _isDeclined = _componentCount == 0 ? true : throw SecondFrame();
                    break;
                case 0xDD when segment.Length >= 2:
                    RestartInterval = BinaryPrimitives.ReadUInt16BigEndian(segment);
                    break;
                case 0xE0:
                    _isJfif |= segment.StartsWith("JFIF\0"u8);
                    break;
                case 0xE1 when Orientation == 0:
                    Orientation = ExifOrientation.Find(segment);
                    break;
                case 0xEE when segment.Length >= 12 && segment.StartsWith("Adobe"u8):
                    _adobeTransform = segment[11];
                    break;
                case 0xDA:
                    if (!_isDeclined)
                    {
                        ReadScan(segment);
                    }

                    return !_isDeclined;
                default:
                    break;
            }
        }
    }

    /// <summary>Gives back memory beyond what is kept between images.</summary>
    public void Trim() => Array.ForEach(_all, component => component.Trim());

    private static byte NextMarker(ReadOnlySpan<byte> file, ref int position)
    {
        // Bytes that are no marker are passed over, as every decoder does.
        while (position + 1 < file.Length)
        {
            var found = file[position..^1].IndexOf((byte)0xFF);
            if (found < 0)
            {
                break;
            }

            position += found + 1;
            if (file[position] is not (0 or 0xFF) and var marker)
            {
                position++;
                return marker;
            }
        }

        throw JpegException.Truncated();
    }

    private void ReadFrame(ReadOnlySpan<byte> segment, bool progressive)
    {
        if (_componentCount != 0)
        {
            throw SecondFrame();
        }

        if (segment.Length < 6 || segment.Length < 6 + (3 * segment[5]))
        {
            throw JpegException.Damaged("the frame header");
        }

        (Height, Width) = (
            BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), BinaryPrimitives.ReadUInt16BigEndian(segment[3..]));
        IsProgressive = progressive;
        // Twelve bits, two components and heights that come later (DNL) are for the library.
        if (segment[0] != 8 || segment[5] is not (1 or 3 or 4) || Height == 0)
        {
            _isDeclined = true;
            return;
        }

        if (Width == 0)
        {
            throw JpegException.Damaged("it has no width");
        }

        _componentCount = segment[5];
        (HorizontalMost, VerticalMost) = (1, 1);
        for (var i = 0; i < _componentCount; i++)
        {
            var part = segment.Slice(6 + (3 * i), 3);
            var component = _all[i];
            (component.Id, component.Table, component.IsStarted) = (part[0], part[2], false);
            // A single component has no MCUs, whatever its factors say.
            (component.Horizontal, component.Vertical) =
                _componentCount == 1 ? (1, 1) : (part[1] >> 4, part[1] & 15);
            if (component.Horizontal is < 1 or > 4 || component.Vertical is < 1 or > 4 || component.Table > 3)
            {
                throw JpegException.Damaged("the sampling factors");
            }

            HorizontalMost = Math.Max(HorizontalMost, component.Horizontal);
            VerticalMost = Math.Max(VerticalMost, component.Vertical);
        }

        Mcus = (Parts(Width, 8 * HorizontalMost), Parts(Height, 8 * VerticalMost));
        foreach (var component in Components)
        {
            var (across, down) = (HorizontalMost / component.Horizontal, VerticalMost / component.Vertical);
            _isDeclined |= across * component.Horizontal != HorizontalMost || across > 2
                || down * component.Vertical != VerticalMost || down > 2;
            component.Blocks = (
                Parts(Width * component.Horizontal, 8 * HorizontalMost),
                Parts(Height * component.Vertical, 8 * VerticalMost));
            component.PaddedBlocks = (Mcus.Width * component.Horizontal, Mcus.Height * component.Vertical);
        }
    }

    private void ReadScan(ReadOnlySpan<byte> segment)
    {
        if (_componentCount == 0)
        {
            throw JpegException.Damaged("a scan before the frame header");
        }

        if (segment.Length < 4 || segment[0] is < 1 or > 4 || segment.Length < 4 + (2 * segment[0]))
        {
            throw JpegException.Damaged("a scan header");
        }

        _scanCount = segment[0];
        var blocks = 0;
        for (var i = 0; i < _scanCount; i++)
        {
            var part = segment.Slice(1 + (2 * i), 2);
            var component = Named(part[0], i);
            (component.Dc, component.Ac) = (_tables.Dc[(part[1] >> 4) & 3], _tables.Ac[part[1] & 3]);
            blocks += component.Horizontal * component.Vertical;
            if (!component.IsStarted)
            {
                _tables.Quantization(component.Table).CopyTo(new Span<int>(component.Quantization, 64));
                component.IsStarted = true;
            }
        }

        var rest = segment[(1 + (2 * _scanCount))..];
        (SpectralStart, SpectralEnd) = (rest[0], rest[1]);
        (ApproximationHigh, ApproximationLow) = (rest[2] >> 4, rest[2] & 15);
        CheckScan(blocks);
    }

    private JpegComponent Named(int id, int scanned)
    {
        foreach (var component in Components)
        {
            if (component.Id == id && !_scan.AsSpan(0, scanned).Contains(component))
            {
                return _scan[scanned] = component;
            }
        }

        throw JpegException.Damaged("a scan of a component that is not there");
    }

    private void CheckScan(int blocks)
    {
        if (_scanCount > 1 && blocks > MostBlocksInMcu)
        {
            throw JpegException.Damaged("too many blocks in a unit");
        }

        if (!IsProgressive)
        {
            // What sequential files say here is always this, and ignored by other decoders.
            (SpectralStart, SpectralEnd, ApproximationHigh, ApproximationLow) = (0, 63, 0, 0);
        }

        var dc = SpectralStart == 0;
        if (SpectralEnd > 63 || SpectralStart > SpectralEnd || ApproximationHigh > 13 || ApproximationLow > 13
            || (IsProgressive && dc && SpectralEnd != 0) || (!dc && _scanCount != 1))
        {
            throw JpegException.Damaged("a scan header");
        }

        foreach (var component in Scan)
        {
            // Bits that refine DC coefficients are not coded.
            if (dc && ApproximationHigh == 0)
            {
                Build(component.Dc!, isAc: false);
            }

            if (SpectralEnd > 0)
            {
                Build(component.Ac!, isAc: true);
            }
        }
    }

    private static void Build(HuffmanTable table, bool isAc)
    {
        if (!table.IsDefined)
        {
            throw JpegException.Damaged("a Huffman table is missing");
        }

        table.Build(isAc);
    }

    private static JpegException SecondFrame() => JpegException.Damaged("a second frame header");

    private static int Parts(int length, int part) => (length + part - 1) / part;
}
