using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// Entropy decoding of a block of a sequential scan (ITU-T T.81, F.2.2): half of the time that a photograph takes. The
/// reader's state is held in locals, and there is no branch on what a symbol is; the block's end comes out of the same
/// sum as every other position.
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
        var bits = reader.Bits;
        var count = reader.Count;
        var next = reader.Next;
        component.Prediction += ReadDifference(component.Dc!, ref bits, ref count, ref next);
        coefficients[0] = (short)component.Prediction;
        var table = component.Ac!;
        var steps = table.Steps;
        int before, k = 0;
        ulong bitsBefore, step;
        do
        {
            Fill(ref bits, ref count, ref next);
            (before, bitsBefore) = (k, bits);
            step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((byte)step == 0)
            {
                step = table.FindStep(bits, isAc: true);
            }

            var magnitude = bits << HuffmanStep.BeforeMagnitude(step);
            bits <<= HuffmanStep.Total(step);
            count -= HuffmanStep.Total(step);
            k += HuffmanStep.FirstMove(step);
            coefficients[zigzag[k]] = HuffmanStep.FirstValue(step);
            k += HuffmanStep.SecondMove(step);
            coefficients[zigzag[k]] = (short)Extend(magnitude, HuffmanStep.Size(step));
            if (k >= 63)
            {
                break;
            }

            // At least 25 bits are left, as many as a step takes that is no long code.
            (before, bitsBefore) = (k, bits);
            step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((byte)step == 0)
            {
                Fill(ref bits, ref count, ref next);
                bitsBefore = bits;
                step = table.FindStep(bits, isAc: true);
            }

            magnitude = bits << HuffmanStep.BeforeMagnitude(step);
            bits <<= HuffmanStep.Total(step);
            count -= HuffmanStep.Total(step);
            k += HuffmanStep.FirstMove(step);
            coefficients[zigzag[k]] = HuffmanStep.FirstValue(step);
            k += HuffmanStep.SecondMove(step);
            coefficients[zigzag[k]] = (short)Extend(magnitude, HuffmanStep.Size(step));
        }
        while (k < 63);

        k = End(before, bitsBefore, step, ref bits, ref count);
        reader.Bits = bits;
        reader.Count = count;
        reader.Next = next;
        return k;
    }

    /// <summary>Passes over a block.</summary>
    /// <inheritdoc cref="Read"/>
    public static void Skip(ref BitReader reader, JpegComponent component)
    {
        var bits = reader.Bits;
        var count = reader.Count;
        var next = reader.Next;
        component.Prediction += ReadDifference(component.Dc!, ref bits, ref count, ref next);
        var table = component.Ac!;
        var steps = table.Steps;
        int before, k = 0;
        ulong bitsBefore, step;
        do
        {
            Fill(ref bits, ref count, ref next);
            (before, bitsBefore) = (k, bits);
            step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((byte)step == 0)
            {
                step = table.FindStep(bits, isAc: true);
            }

            bits <<= HuffmanStep.Total(step);
            count -= HuffmanStep.Total(step);
            k += HuffmanStep.FirstMove(step) + HuffmanStep.SecondMove(step);
            if (k >= 63)
            {
                break;
            }

            (before, bitsBefore) = (k, bits);
            step = steps[bits >> (64 - HuffmanTable.LookupBits)];
            if ((byte)step == 0)
            {
                Fill(ref bits, ref count, ref next);
                bitsBefore = bits;
                step = table.FindStep(bits, isAc: true);
            }

            bits <<= HuffmanStep.Total(step);
            count -= HuffmanStep.Total(step);
            k += HuffmanStep.FirstMove(step) + HuffmanStep.SecondMove(step);
        }
        while (k < 63);

        _ = End(before, bitsBefore, step, ref bits, ref count);
        reader.Bits = bits;
        reader.Count = count;
        reader.Next = next;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadDifference(HuffmanTable table, ref ulong bits, ref int count, ref byte* next)
    {
        Fill(ref bits, ref count, ref next);
        var step = table.Steps[bits >> (64 - HuffmanTable.LookupBits)];
        if ((byte)step == 0)
        {
            step = table.FindStep(bits, isAc: false);
        }

        var magnitude = bits << HuffmanStep.BeforeMagnitude(step);
        bits <<= HuffmanStep.Total(step);
        count -= HuffmanStep.Total(step);
        return Extend(magnitude, HuffmanStep.Size(step));
    }

    /// <summary>At least 56 bits; a branch on whether they are needed would cost more than the reading.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill(ref ulong bits, ref int count, ref byte* next)
    {
        bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(next)) >> count;
        next += (63 - count) >> 3;
        count |= 56;
    }

    /// <summary>The number whose bits lie at the top (F.2.2.1): negative where they begin with 0; 0 without bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Extend(ulong bits, int size)
    {
        var negative = ~(int)((long)bits >> 63);
        return (int)((bits >> 1) >> (63 - size)) + (negative & ((-1 << size) + 1));
    }

    /// <summary>
    /// The last coefficient of a block, from its last step. Where the first symbol of the step completes the block, the
    /// second belongs to the next one and is given back.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int End(int before, ulong bitsBefore, ulong step, ref ulong bits, ref int count)
    {
        var first = before + HuffmanStep.FirstMove(step);
        var last = first + HuffmanStep.SecondMove(step);
        if (first is < 63 or >= HuffmanStep.EndOfBlock)
        {
            if (last >= HuffmanStep.EndOfBlock)
            {
                return last - HuffmanStep.EndOfBlock;
            }
        }
        else
        {
            bits = bitsBefore << HuffmanStep.FirstTotal(step);
            count += HuffmanStep.Total(step) - HuffmanStep.FirstTotal(step);
            last = first;
        }

        if (last > 63)
        {
            ThrowTooMany();
        }

        return 63;
    }

    [DoesNotReturn]
    private static void ThrowTooMany() => throw JpegException.Damaged("a block has too many coefficients");
}
