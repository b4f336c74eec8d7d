using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// Entropy decoding of a block of a sequential scan (ITU-T T.81, F.2.2): half of the time that a photograph takes. The
/// reader's state is held in locals, and nothing but the end of a block is a branch that cannot be foreseen.
/// </summary>
internal static unsafe class SequentialBlock
{
    /// <summary>Room for a block: coefficients beyond the last go to <see cref="Zigzag.Beyond"/>.</summary>
    public const int Room = 72;

    /// <summary>Decodes a block.</summary>
    /// <param name="reader">The stream.</param>
    /// <param name="component">The component; its prediction is moved on.</param>
    /// <param name="coefficients">Takes the coefficients, <see cref="Room"/>, zero before.</param>
    /// <param name="zigzag"><see cref="Zigzag.Table"/>.</param>
    /// <returns>The last coefficient that may not be zero, in zigzag order.</returns>
    /// <exception cref="JpegException">The bits are no block.</exception>
    [SkipLocalsInit]
    public static int Read(ref BitReader reader, JpegComponent component, short* coefficients, byte* zigzag)
    {
        component.Prediction += ReadDifference(ref reader, component.Dc!);
        coefficients[0] = (short)component.Prediction;
        var table = component.Ac!;
        var steps = table.Steps;
        var bits = reader.Bits;
        var count = reader.Count;
        var next = reader.Next;
        var k = 0;
        do
        {
            if (count < 32)
            {
                bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(next)) >> count;
                next += (63 - count) >> 3;
                count |= 56;
            }

            var step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((int)step < 0)
            {
                step = table.FindStep(bits, isAc: true);
            }

            var magnitude = bits << (int)(step >> 8);
            bits <<= (int)step;
            count -= (int)(step & 0xFF);
            k += (int)((step >> 16) & 0xFF);
            coefficients[zigzag[k]] = (short)Extend(magnitude, (int)(step >> 24));
        }
        while (k < 63);

        reader.Bits = bits;
        reader.Count = count;
        reader.Next = next;
        return Last(k);
    }

    /// <summary>Passes over a block.</summary>
    /// <inheritdoc cref="Read"/>
    public static void Skip(ref BitReader reader, JpegComponent component)
    {
        component.Prediction += ReadDifference(ref reader, component.Dc!);
        var table = component.Ac!;
        var steps = table.Steps;
        var bits = reader.Bits;
        var count = reader.Count;
        var next = reader.Next;
        var k = 0;
        do
        {
            if (count < 32)
            {
                bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(next)) >> count;
                next += (63 - count) >> 3;
                count |= 56;
            }

            var step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((int)step < 0)
            {
                step = table.FindStep(bits, isAc: true);
            }

            bits <<= (int)step;
            count -= (int)(step & 0xFF);
            k += (int)((step >> 16) & 0xFF);
        }
        while (k < 63);

        reader.Bits = bits;
        reader.Count = count;
        reader.Next = next;
        _ = Last(k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadDifference(ref BitReader reader, HuffmanTable table)
    {
        reader.Fill();
        var step = table.Steps[reader.Bits >> (64 - HuffmanTable.LookupBits)];
        if ((int)step < 0)
        {
            step = table.FindStep(reader.Bits, isAc: false);
        }

        var magnitude = reader.Bits << (int)(step >> 8);
        reader.Bits <<= (int)step;
        reader.Count -= (int)(step & 0xFF);
        return Extend(magnitude, (int)(step >> 24));
    }

    /// <summary>The number whose bits lie at the top (F.2.2.1): negative where they begin with 0; 0 without bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Extend(ulong bits, int size)
    {
        var negative = ~(int)((long)bits >> 63);
        return (int)((bits >> 1) >> (63 - size)) + (negative & ((-1 << size) + 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Last(int k)
    {
        if (k >= HuffmanTable.EndOfBlock)
        {
            return k - HuffmanTable.EndOfBlock;
        }

        if (k > 63)
        {
            ThrowTooMany();
        }

        return 63;
    }

    [DoesNotReturn]
    private static void ThrowTooMany() => throw JpegException.Damaged("a block has too many coefficients");
}
