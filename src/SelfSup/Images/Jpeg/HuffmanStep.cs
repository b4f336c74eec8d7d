using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// What one lookup of AC coefficients does, as 64 bits: it moves on in the zigzag order and puts a coefficient there,
/// moves on again and puts another one there. The magnitude of the last one is behind the looked-up bits, so it is taken
/// from the stream; that of the first is known. A step of one symbol moves first and puts its coefficient second, at the
/// same place. DC differences use the last part.
/// </summary>
internal static class HuffmanStep
{
    /// <summary>How far an end of block moves: beyond every coefficient.</summary>
    public const int EndOfBlock = 128;

    /// <summary>All bits that are taken; bits 0 to 7. It is 0 for no step.</summary>
    public static int Total(ulong step) => (int)(step & 0xFF);

    /// <summary>The bits before the last magnitude, in the low 6 bits: meant to be shifted by.</summary>
    public static int BeforeMagnitude(ulong step) => (int)(step >> 8);

    /// <summary>How far the first symbol moves.</summary>
    public static int FirstMove(ulong step) => (int)(step >> 16) & 0xFF;

    /// <summary>How far the second symbol moves; 0 where there is none.</summary>
    public static int SecondMove(ulong step) => (int)(step >> 24) & 0xFF;

    /// <summary>The length of the last magnitude.</summary>
    public static int Size(ulong step) => (int)(step >> 32) & 0xFF;

    /// <summary>The bits that the first symbol takes.</summary>
    public static int FirstTotal(ulong step) => (int)(step >> 40) & 0xFF;

    /// <summary>The first symbol's coefficient; 0 where there is no second.</summary>
    public static short FirstValue(ulong step) => (short)(step >> 48);

    /// <summary>Whether an AC symbol says that the rest of the block is zero.</summary>
    public static bool EndsBlock(int symbol) => (symbol & 15) == 0 && symbol >> 4 < 15;

    /// <summary>The step of one symbol.</summary>
    /// <param name="length">The length of its code.</param>
    /// <param name="symbol">Run and size, or the size of a DC difference.</param>
    /// <param name="isAc">Which of them.</param>
    public static ulong One(int length, int symbol, bool isAc)
    {
        var size = symbol & 15;
        var move = isAc ? Move(symbol) : 0;
        return Pack(length + size, length, move, 0, size, length + size, 0);
    }

    /// <summary>The step of two AC symbols.</summary>
    /// <param name="length">The length of the first one's code.</param>
    /// <param name="symbol">The first one's run and size.</param>
    /// <param name="magnitude">The first one's magnitude bits.</param>
    /// <param name="secondLength">The length of the second one's code.</param>
    /// <param name="second">The second one's run and size.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Two(int length, int symbol, int magnitude, int secondLength, int second)
    {
        var size = symbol & 15;
        var value = magnitude + (((magnitude - ((1 << size) >> 1)) >> 31) & (1 - (1 << size)));
        var secondSize = second & 15;
        var before = length + size + secondLength;
        return Pack(before + secondSize, before, Move(symbol), Move(second), secondSize, length + size, value);
    }

    // Sixteen zeros are a run of fifteen and a coefficient that is zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Move(int symbol) => EndsBlock(symbol) ? EndOfBlock : (symbol >> 4) + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Pack(int total, int before, int first, int second, int size, int firstTotal, int value) =>
        (uint)total | ((ulong)before << 8) | ((ulong)first << 16) | ((ulong)second << 24) | ((ulong)size << 32)
        | ((ulong)firstTotal << 40) | ((ulong)(ushort)value << 48);
}
