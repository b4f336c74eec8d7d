using System.Numerics;
using System.Runtime.CompilerServices;

namespace SelfSup.Evaluation;

/// <summary>
/// The k largest numbers of a long row that passes by in tiles, each with its place. Most numbers are below the k-th largest
/// so far and are left behind by one comparison of vectors; the others are gathered and sorted when there are twice as many
/// as are wanted.
/// </summary>
/// <param name="kept">k.</param>
/// <param name="bytes">Of a number: 4 or 8.</param>
/// <param name="spare">Memory to sort in, of <see cref="Capacity"/> entries; may be shared on a thread.</param>
internal sealed class NearestList(int kept, int bytes, (ulong[] Keys, int[] Places) spare)
{
    private readonly ulong[] _keys = new ulong[spare.Keys.Length];
    private readonly int[] _places = new int[spare.Keys.Length];
    private int _count;
    private int _sorted; // as many of the first are in order
    private int _excluded;
    private bool _isBounded;
    private double _bound;

    /// <summary>The numbers, as keys of <see cref="KeySort"/>, and their places: the largest first.</summary>
    public (ReadOnlyMemory<ulong> Keys, ReadOnlyMemory<int> Places) Sorted
    {
        get
        {
            if (_sorted < _count)
            {
                Cut();
            }

            return (_keys.AsMemory(0, _count), _places.AsMemory(0, _count));
        }
    }

    /// <summary>How many entries a list needs room for.</summary>
    /// <param name="kept">k.</param>
    /// <param name="length">Of the row, at least k.</param>
    public static int Capacity(long kept, long length) => (int)Math.Min(length, kept + Math.Max(kept, 24));

    /// <summary>Bytes of a list.</summary>
    /// <param name="kept">k.</param>
    /// <param name="length">Of the row, at least k.</param>
    public static long Bytes(long kept, long length) => (sizeof(ulong) + sizeof(int)) * (long)Capacity(kept, length);

    /// <summary>Begins with a new row.</summary>
    /// <param name="excluded">A place that is passed over, or -1.</param>
    public void Begin(long excluded) => (_count, _sorted, _excluded, _isBounded) = (0, 0, (int)excluded, false);

    /// <summary>Looks at the next numbers of the row: product * scale + shift.</summary>
    /// <param name="products">The products.</param>
    /// <param name="scales">As many factors.</param>
    /// <param name="shifts">As many terms.</param>
    /// <param name="length">How many.</param>
    /// <param name="first">The place of the first.</param>
    public unsafe void Pass<T>(T* products, T* scales, T* shifts, int length, int first)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var i = 0;
        for (; i < length && !_isBounded; i++)
        {
            Add(KeySort.KeyOf((products[i] * scales[i]) + shifts[i]), first + i);
        }

        // What equals the bound comes later than what set it.
        var bound = T.CreateTruncating(_bound);
        var bounds = new Vector<T>(bound);
        for (; i <= length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var values = (Vector.Load(products + i) * Vector.Load(scales + i)) + Vector.Load(shifts + i);
            if (Vector.GreaterThanAny(values, bounds))
            {
                AddAbove(values, bound, first + i);
                bound = T.CreateTruncating(_bound);
                bounds = new Vector<T>(bound);
            }
        }

        for (; i < length; i++)
        {
            var value = (products[i] * scales[i]) + shifts[i];
            if (value > T.CreateTruncating(_bound))
            {
                Add(KeySort.KeyOf(value), first + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddAbove<T>(Vector<T> values, T bound, int first)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var lane = 0; lane < Vector<T>.Count; lane++)
        {
            if (values[lane] > bound)
            {
                Add(KeySort.KeyOf(values[lane]), first + lane);
            }
        }
    }

    private void Add(ulong key, int place)
    {
        if (place == _excluded)
        {
            return;
        }

        _keys[_count] = key;
        _places[_count++] = place;
        if (_count == (_isBounded ? _keys.Length : kept))
        {
            Cut();
        }
    }

    private void Cut()
    {
        KeySort.Sort(_keys.AsSpan(0, _count), _places.AsSpan(0, _count), bytes, spare);
        _count = _sorted = Math.Min(_count, kept);
        (_isBounded, _bound) = (_count == kept, KeySort.ValueOf(_keys[_count - 1], bytes));
    }
}
