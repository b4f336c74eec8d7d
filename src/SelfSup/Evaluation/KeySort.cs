using System.Numerics;
using System.Runtime.CompilerServices;

namespace SelfSup.Evaluation;

/// <summary>
/// Sorts places by numbers, the largest first and equal ones as they stood, in time that grows with their count alone:
/// whole rankings of a million are sorted for every query.
/// </summary>
internal static class KeySort
{
    private const int Short = 32;
    private const int Digits = 256;

    /// <summary>A number as a key: the larger the number, the smaller the key. -0 is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong KeyOf<T>(T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            var bits = BitConverter.SingleToUInt32Bits((float)(object)value + 0f);
            return (bits & 0x8000_0000) != 0 ? bits : ~bits & 0x7FFF_FFFF;
        }

        var wide = BitConverter.DoubleToUInt64Bits(double.CreateTruncating(value) + 0.0);
        return (wide & (1UL << 63)) != 0 ? wide : ~wide & ~(1UL << 63);
    }

    /// <summary>The number of a key.</summary>
    /// <param name="key">From <see cref="KeyOf"/>.</param>
    /// <param name="bytes">Of the number: 4 or 8.</param>
    public static double ValueOf(ulong key, int bytes)
    {
        if (bytes == sizeof(float))
        {
            var bits = (uint)key;
            return BitConverter.UInt32BitsToSingle((bits & 0x8000_0000) != 0 ? bits : ~bits & 0x7FFF_FFFF);
        }

        return BitConverter.UInt64BitsToDouble((key & (1UL << 63)) != 0 ? key : ~key & ~(1UL << 63));
    }

    /// <summary>Sorts by rising keys.</summary>
    /// <param name="keys">From <see cref="KeyOf"/>.</param>
    /// <param name="places">What belongs to each.</param>
    /// <param name="bytes">Of a key that are not always 0.</param>
    /// <param name="spare">Memory of at least the same length.</param>
    public static void Sort(Span<ulong> keys, Span<int> places, int bytes, (ulong[] Keys, int[] Places) spare)
    {
        if (keys.Length <= Short)
        {
            Insert(keys, places);
            return;
        }

        Span<int> counts = stackalloc int[Digits * bytes];
        Count(keys, counts, bytes);
        var from = keys;
        var fromPlaces = places;
        var to = spare.Keys.AsSpan(0, keys.Length);
        var toPlaces = spare.Places.AsSpan(0, keys.Length);
        for (var digit = 0; digit < bytes; digit++)
        {
            var starts = counts.Slice(digit * Digits, Digits);
            if (starts[(int)(from[0] >> (8 * digit)) & 0xFF] == keys.Length)
            {
                continue; // all have the same digit here
            }

            Distribute(from, fromPlaces, to, toPlaces, starts, 8 * digit);
            Swap(ref from, ref to);
            Swap(ref fromPlaces, ref toPlaces);
        }

        if (from != keys)
        {
            from.CopyTo(keys);
            fromPlaces.CopyTo(places);
        }
    }

    private static void Swap<T>(ref Span<T> a, ref Span<T> b)
    {
        var c = a;
        a = b;
        b = c;
    }

    private static void Count(ReadOnlySpan<ulong> keys, Span<int> counts, int bytes)
    {
        counts.Clear();
        foreach (var key in keys)
        {
            for (var digit = 0; digit < bytes; digit++)
            {
                counts[(digit * Digits) + ((int)(key >> (8 * digit)) & 0xFF)]++;
            }
        }
    }

    private static void Distribute(
        ReadOnlySpan<ulong> from, ReadOnlySpan<int> fromPlaces, Span<ulong> to, Span<int> toPlaces, Span<int> starts, int shift)
    {
        var sum = 0;
        foreach (ref var start in starts)
        {
            (start, sum) = (sum, sum + start);
        }

        for (var i = 0; i < from.Length; i++)
        {
            var target = starts[(int)(from[i] >> shift) & 0xFF]++;
            to[target] = from[i];
            toPlaces[target] = fromPlaces[i];
        }
    }

    private static void Insert(Span<ulong> keys, Span<int> places)
    {
        for (var i = 1; i < keys.Length; i++)
        {
            var (key, place, j) = (keys[i], places[i], i);
            for (; j > 0 && keys[j - 1] > key; j--)
            {
                (keys[j], places[j]) = (keys[j - 1], places[j - 1]);
            }

            (keys[j], places[j]) = (key, place);
        }
    }
}
