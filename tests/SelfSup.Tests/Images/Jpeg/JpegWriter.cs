using System.Buffers.Binary;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>Writes JPEG files segment by segment, for files that no encoder would write.</summary>
internal sealed class JpegWriter
{
    private readonly List<byte> _bytes = [0xFF, 0xD8];

    public byte[] File() => [.. _bytes];

    public JpegWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public JpegWriter Segment(byte marker, params ReadOnlySpan<byte> content)
    {
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(content.Length + 2));
        return Raw(0xFF, marker).Raw(length).Raw(content);
    }

    /// <summary>A quantization table of ones.</summary>
    public JpegWriter Quantization() => Segment(0xDB, [0, .. Enumerable.Repeat((byte)1, 64)]);

    /// <summary>A frame of 8 bits.</summary>
    /// <param name="marker">C0 for a baseline, C2 for a progressive file.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="factors">The sampling factors of each component, two hexadecimal digits.</param>
    public JpegWriter Frame(byte marker, int width, int height, params ReadOnlySpan<byte> factors)
    {
        List<byte> content =
            [8, (byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width, (byte)factors.Length];
        for (var i = 0; i < factors.Length; i++)
        {
            content.AddRange([(byte)(i + 1), factors[i], 0]);
        }

        return Segment(marker, [.. content]);
    }

    /// <summary>A Huffman table whose codes are all of one length.</summary>
    /// <param name="table">0x00 for DC, 0x10 for AC.</param>
    /// <param name="length">The length of the codes.</param>
    /// <param name="symbols">The symbols in the order of their codes.</param>
    public JpegWriter Huffman(byte table, int length, params ReadOnlySpan<byte> symbols)
    {
        var counts = new byte[16];
        counts[length - 1] = (byte)symbols.Length;
        return Segment(0xC4, [table, .. counts, .. symbols]);
    }

    /// <summary>A scan's header.</summary>
    /// <param name="components">The components' names; all use the tables 0.</param>
    /// <param name="first">The first coefficient.</param>
    /// <param name="last">The last coefficient.</param>
    /// <param name="approximation">The bit before and the bit now, two hexadecimal digits.</param>
    public JpegWriter Scan(ReadOnlySpan<byte> components, int first = 0, int last = 63, byte approximation = 0)
    {
        List<byte> content = [(byte)components.Length];
        foreach (var component in components)
        {
            content.AddRange([component, 0]);
        }

        return Segment(0xDA, [.. content, (byte)first, (byte)last, approximation]);
    }

    /// <summary>Entropy-coded data.</summary>
    public JpegWriter Zeros(int count)
    {
        _bytes.AddRange(new byte[count]);
        return this;
    }

    public JpegWriter End() => Raw(0xFF, 0xD9);

    /// <summary>A baseline file of one colour, two bits a block; its frame may be as large as it likes.</summary>
    public static byte[] Flat(int width, int height, params ReadOnlySpan<byte> factors)
    {
        byte[] names = [1, 2, 3, 4];
        var (across, down, blocks) = (1, 1, 0);
        foreach (var factor in factors)
        {
            (across, down) = (Math.Max(across, factor >> 4), Math.Max(down, factor & 15));
            blocks += (factor >> 4) * (factor & 15);
        }

        var mcus = (long)((width + (8 * across) - 1) / (8 * across)) * ((height + (8 * down) - 1) / (8 * down));
        return new JpegWriter().Quantization().Frame(0xC0, width, height, factors)
            .Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Scan(names.AsSpan(0, factors.Length)).Zeros((int)(((2 * mcus * blocks) + 7) / 8)).End().File();
    }

    /// <summary>A progressive file in which every further scan takes a few bytes and visits every block.</summary>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="scans">How many scans there are beside the first of each component.</param>
    /// <param name="coefficients">How many coefficients a scan holds; 63 are all.</param>
    /// <param name="frame">The marker of the frame.</param>
    /// <param name="factors">The sampling factors of the first component.</param>
    public static byte[] Bomb(
        int width, int height, int scans, int coefficients = 63, byte frame = 0xC2, byte factors = 0x11)
    {
        var blocks = ((width + 7) / 8) * ((height + 7) / 8);
        var writer = new JpegWriter().Quantization().Frame(frame, width, height, factors, 0x11, 0x11)
            .Huffman(0x00, 1, 0).Huffman(0x10, 1, 0xE0)
            .Scan([1, 2, 3], 0, 0).Zeros(((3 * blocks) + 7) / 8);
        // A code of one bit and fourteen zeros: 16,384 blocks without anything.
        var data = new byte[(((blocks / 16384) + 1) * 15 / 8) + 1];
        // First all bands of all components down to a bit, then down to the next: as it has to be. The last bit again
        // and again is more than there can be.
        var bands = 63 / coefficients;
        for (var i = 0; i < scans; i++)
        {
            var first = 1 + (i / 3 % bands * coefficients);
            var bit = Math.Max(0, 13 - (i / 3 / bands));
            writer.Scan(
                [(byte)((i % 3) + 1)], first, first + coefficients - 1,
                (byte)(bit == 13 ? bit : ((bit + 1) << 4) | bit)).Raw(data);
        }

        return writer.End().File();
    }
}
