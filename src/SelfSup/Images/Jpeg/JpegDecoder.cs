using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// Decodes JPEG files to planes of 8-bit samples, for a region of the image only: all of the stream up to the region's last
/// row has to be read, but only the region's blocks are transformed, and nothing is upsampled or turned into colours.
/// Huffman-coded baseline and progressive files of 8 bits with one, three or four components, each at full or half
/// resolution; other files are declined. Samples are those of libjpeg's accurate integer decoder.
/// </summary>
/// <remarks>
/// One worker owns a decoder. It works on memory through pointers: bounds are ensured by padding and a check for each
/// MCU, and by region arithmetic, which <c>JpegFuzzTests</c> and tools/fuzz try to break.
/// </remarks>
internal sealed unsafe class JpegDecoder
{
    /// <summary>
    /// Scans that a file may have. Encoders write about ten; more only keep a decoder busy.
    /// </summary>
    private const int MostScans = 100;

    /// <summary>A copy of the file with padding has to be an array.</summary>
    private const int LongestFile = int.MaxValue - (1 << 16);

    private readonly EntropyData _data = new();
    private readonly PinnedBuffer<short> _block = new();
    private int _position;
    private int _scale;

    public JpegDecoder() => _block.Reserve(SequentialBlock.Room);

    public JpegHeader Header { get; } = new();

    /// <summary>Reads the header.</summary>
    /// <param name="file">The file, from its start of image on.</param>
    /// <returns>Whether this decoder is for such files.</returns>
    /// <exception cref="JpegException">The header is damaged.</exception>
    public bool ReadHeader(ReadOnlySpan<byte> file) => Header.Read(file, out _position);

    /// <summary>Decodes the region of the file whose header was read last, to the components' planes.</summary>
    /// <param name="file">The same file.</param>
    /// <param name="region">What is needed, in pixels as stored; inside the image.</param>
    /// <param name="scale">1, 2, 4 or 8: the planes are those of an image so many times smaller, at the precision of
    /// as many times fewer coefficients.</param>
    /// <exception cref="JpegException">The file is damaged or truncated.</exception>
    public void Decode(ReadOnlySpan<byte> file, Region region, int scale = 1)
    {
        _scale = scale;
        CheckPlausible(file.Length);
        var mcus = McusOf(region);
        try
        {
            if (!Header.IsProgressive && Header.Scan.Length == Header.Components.Length)
            {
                ReservePlanes(mcus);
                DecodeSequential(file, mcus);
            }
            else
            {
                DecodeScans(file);
                ReservePlanes(mcus);
                Transform(mcus);
            }
        }
        finally
        {
            Trim();
        }
    }

    private void Trim()
    {
        _data.Trim();
        Header.Trim();
    }

    /// <summary>Every block takes at least a bit, so a short file cannot hold a huge image: memory is not even taken.</summary>
    private void CheckPlausible(int length)
    {
        if (length > LongestFile)
        {
            throw JpegException.Damaged($"it has {length:N0} bytes");
        }

        if ((long)Header.Mcus.Width * Header.Mcus.Height > 8L * length)
        {
            throw JpegException.Truncated();
        }
    }

    /// <summary>The MCUs that hold a region, and the neighbours from which half-resolution planes are upsampled.</summary>
    private Region McusOf(Region region)
    {
        var (width, height) = (8 * Header.HorizontalMost, 8 * Header.VerticalMost);
        var (across, down) = (Header.HorizontalMost > 1 ? 1 : 0, Header.VerticalMost > 1 ? 1 : 0);
        if (_scale > 1)
        {
            // A pixel more of the smaller image, as its pixels need not begin where the region does.
            (across, down) = (2 * _scale, 2 * _scale);
        }

        var left = Math.Max(0, region.Left - across) / width;
        var top = Math.Max(0, region.Top - down) / height;
        var right = Math.Min(Header.Mcus.Width, (region.Left + region.Width + across + width - 1) / width);
        var bottom = Math.Min(Header.Mcus.Height, (region.Top + region.Height + down + height - 1) / height);
        return new Region(top, left, bottom - top, right - left);
    }

    private void ReservePlanes(Region mcus)
    {
        foreach (var component in Header.Components)
        {
            var (across, down) = Size(component);
            var (blockWidth, blockHeight) = (component.Horizontal * across, component.Vertical * down);
            component.Plane.Reserve(
                Parts(Header.Width * blockWidth, 8 * Header.HorizontalMost),
                Parts(Header.Height * blockHeight, 8 * Header.VerticalMost),
                (Header.HorizontalMost * 8 / (blockWidth * _scale), Header.VerticalMost * 8 / (blockHeight * _scale)),
                new Region(
                    mcus.Top * blockHeight, mcus.Left * blockWidth, mcus.Height * blockHeight,
                    mcus.Width * blockWidth));
        }
    }

    /// <summary>
    /// The samples of a block of a component, across and downwards. A half-resolution component keeps twice as many
    /// as the others, up to all of them, and so needs no upsampling.
    /// </summary>
    private (int Across, int Down) Size(JpegComponent component) => (
        Math.Min(8, 8 / _scale * (Header.HorizontalMost / component.Horizontal)),
        Math.Min(8, 8 / _scale * (Header.VerticalMost / component.Vertical)));

    private void DecodeSequential(ReadOnlySpan<byte> file, Region mcus)
    {
        var end = _data.Load(file, _position);
        // A file without end marker is cut off, or only lacks the marker: then all of it can be read.
        var rows = HasEndMarker(file, end) ? mcus.Top + mcus.Height : Header.Mcus.Height;
        var reader = default(BitReader);
        var interval = Header.RestartInterval == 0 ? int.MaxValue : Header.RestartInterval;
        var untilRestart = 0;
        var (top, bottom, left, right) = (mcus.Top, mcus.Top + mcus.Height, mcus.Left, mcus.Left + mcus.Width);
        var zigzag = Zigzag.Table;
        for (var y = 0; y < rows; y++)
        {
            var isRow = y >= top && y < bottom;
            for (var x = 0; x < Header.Mcus.Width; x++)
            {
                if (untilRestart-- == 0)
                {
                    Restart(ref reader);
                    untilRestart = interval - 1;
                }

                if (isRow && x >= left && x < right)
                {
                    DecodeMcu(ref reader, y - top, x - left, zigzag);
                }
                else
                {
                    SkipMcu(ref reader);
                }

                reader.CheckEnd();
            }
        }
    }

    private void Restart(ref BitReader reader)
    {
        _data.StartSegment(ref reader);
        foreach (var component in Header.Components)
        {
            component.Prediction = 0;
        }
    }

    private void DecodeMcu(ref BitReader reader, int y, int x, byte* zigzag)
    {
        var block = _block.Pointer;
        foreach (var component in Header.Scan)
        {
            var (across, down) = Size(component);
            var plane = component.Plane;
            nint stride = plane.Stride;
            var samples = plane.Start + (y * component.Vertical * down * stride) + (x * component.Horizontal * across);
            for (var v = 0; v < component.Vertical; v++)
            {
                for (var h = 0; h < component.Horizontal; h++)
                {
                    new Span<short>(block, 64).Clear();
                    var last = SequentialBlock.Read(ref reader, component, block, zigzag);
                    Transform(component, block, last, samples + (v * down * stride) + (h * across), stride, across, down);
                }
            }
        }
    }

    private void SkipMcu(ref BitReader reader)
    {
        foreach (var component in Header.Scan)
        {
            for (var block = component.Horizontal * component.Vertical; block > 0; block--)
            {
                SequentialBlock.Skip(ref reader, component);
            }
        }
    }

    /// <summary>Reads all scans into the components' coefficients.</summary>
    private void DecodeScans(ReadOnlySpan<byte> file)
    {
        foreach (var component in Header.Components)
        {
            component.ReserveCoefficients();
        }

        var budget = new ScanBudget(Blocks(Header.Components));

        for (var scan = 1; ; scan++)
        {
            if (scan > MostScans)
            {
                throw JpegException.Damaged($"more than {MostScans} scans");
            }

            if (!budget.Take(Blocks(Header.Scan), Header.SpectralStart, Header.SpectralEnd))
            {
                throw JpegException.Damaged("more scans than encoders write");
            }

            _position = _data.Load(file, _position);
            ProgressiveScan.Read(Header, _data);
            if (!Header.ReadToScan(file, ref _position))
            {
                break;
            }
        }

        foreach (var component in Header.Components)
        {
            if (!component.IsStarted)
            {
                throw JpegException.Damaged("a component has no scan");
            }
        }
    }

    /// <summary>Transforms the region's blocks of the components' coefficients.</summary>
    private void Transform(Region mcus)
    {
        foreach (var component in Header.Components)
        {
            var (across, down) = Size(component);
            var plane = component.Plane;
            for (var y = 0; y < mcus.Height * component.Vertical; y++)
            {
                var samples = plane.Start + ((nint)y * down * plane.Stride);
                for (var x = 0; x < mcus.Width * component.Horizontal; x++, samples += across)
                {
                    var block = component.Block(
                        (mcus.Top * component.Vertical) + y, (mcus.Left * component.Horizontal) + x);
                    Transform(component, block, 63, samples, plane.Stride, across, down);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transform(
        JpegComponent component, short* block, int last, byte* samples, nint stride, int across, int down)
    {
        if ((across & down) != 8 && last == 0)
        {
            ScaledDct.Flat(block[0] * component.Quantization[0], samples, stride, down, across);
        }
        else if ((across & down) != 8)
        {
            ScaledDct.Block(block, component.Quantization, samples, stride, down, across);
        }
        else if (last == 0)
        {
            InverseDct.Flat(block[0] * component.Quantization[0], samples, stride);
        }
        else
        {
            InverseDct.Block(block, component.Quantization, samples, stride);
        }
    }

    private static long Blocks(ReadOnlySpan<JpegComponent> components)
    {
        var blocks = 0L;
        foreach (var component in components)
        {
            blocks += (long)component.PaddedBlocks.Width * component.PaddedBlocks.Height;
        }

        return blocks;
    }

    private static bool HasEndMarker(ReadOnlySpan<byte> file, int position)
    {
        var rest = file[position..];
        return rest.Length >= 2 && rest[0] == 0xFF && rest.IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;
    }

    private static int Parts(int length, int part) => (length + part - 1) / part;
}
