namespace SelfSup.Images.Jpeg;

/// <summary>One colour component of a JPEG file, and where its samples go.</summary>
internal sealed unsafe class JpegComponent
{
    private readonly PinnedBuffer<int> _quantization = new();
    private readonly PinnedBuffer<short> _coefficients = new();

    public JpegComponent() => _quantization.Reserve(64);

    /// <summary>The number by which scans name it.</summary>
    public int Id { get; set; }

    /// <summary>Its samples in a row of an MCU, in blocks.</summary>
    public int Horizontal { get; set; }

    /// <summary>Its samples in a column of an MCU, in blocks.</summary>
    public int Vertical { get; set; }

    /// <summary>Which quantization table it uses.</summary>
    public int Table { get; set; }

    /// <summary>The table of its DC differences in the current scan.</summary>
    public HuffmanTable? Dc { get; set; }

    /// <summary>The table of its AC coefficients in the current scan.</summary>
    public HuffmanTable? Ac { get; set; }

    /// <summary>The DC coefficient of the block before.</summary>
    public int Prediction;

    /// <summary>Whether a scan held it already; its quantization table is the one from then.</summary>
    public bool IsStarted { get; set; }

    /// <summary>Blocks in a row and a column that hold part of the image: those of a scan of this component alone.</summary>
    public (int Width, int Height) Blocks { get; set; }

    /// <summary>Blocks in a row and a column, filled up to whole MCUs.</summary>
    public (int Width, int Height) PaddedBlocks { get; set; }

    /// <summary>The samples of the decoded region.</summary>
    public JpegPlane Plane { get; } = new();

    /// <summary>The factors of the coefficients, [8, 8] in natural order.</summary>
    public int* Quantization => _quantization.Pointer;

    /// <summary>All coefficients of the image, where it has several scans; see <see cref="ReserveCoefficients"/>.</summary>
    public short* Coefficients => _coefficients.Pointer;

    /// <summary>The coefficients of a block, [8, 8] in natural order.</summary>
    public short* Block(int y, int x) => Coefficients + (64 * (((nint)y * PaddedBlocks.Width) + x));

    /// <summary>Makes room for the coefficients of the whole image, all zero.</summary>
    public void ReserveCoefficients()
    {
        var length = 64L * PaddedBlocks.Width * PaddedBlocks.Height;
        System.Runtime.InteropServices.NativeMemory.Clear(
            _coefficients.Reserve(length), (nuint)(length * sizeof(short)));
    }

    /// <summary>Gives back memory beyond what is kept between images. The plane stays, as it is what was decoded.</summary>
    public void Trim() => _coefficients.Trim();
}
