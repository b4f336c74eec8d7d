using System.Numerics;

namespace SelfSup.Images;

/// <summary>
/// The memory of a <see cref="BlockCache"/>: pinned arrays, which are used again and again, as garbage of this size
/// would lie around until the collector looks at its oldest generation.
/// </summary>
/// <param name="capacity">
/// Bytes of all buffers together, in use or spare. It is exceeded while nothing can be displaced.
/// </param>
/// <param name="usual">
/// The size of the largest block. Buffers of at least half of it are made this large, so that each fits all.
/// </param>
/// <param name="gate">The cache's lock.</param>
/// <param name="displace">Gives the buffers of a block back; false where all are in use. Called under the lock.</param>
internal sealed class BlockBuffers(long capacity, long usual, Lock gate, Func<bool> displace)
{
    private const int Smallest = 256;

    private readonly List<byte[]> _spare = [];
    private long _bytes;

    /// <summary>Bytes of all buffers, in use or spare.</summary>
    public long Bytes
    {
        get
        {
            lock (gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>A buffer of at least the given length, with whatever was there before.</summary>
    public byte[] Rent(int length)
    {
        var size = SizeFor(length);
        lock (gate)
        {
            while (true)
            {
                if (TakeSpare(length, size) is { } spare)
                {
                    return spare;
                }

                if (_bytes + size <= capacity || !(DropSpare() || displace()))
                {
                    var buffer = GC.AllocateUninitializedArray<byte>(size, pinned: true);
                    _bytes += size;
                    return buffer;
                }
            }
        }
    }

    /// <summary>Takes a buffer back.</summary>
    public void Return(byte[] buffer)
    {
        if (buffer.Length == 0)
        {
            return;
        }

        lock (gate)
        {
            _spare.Add(buffer);
        }
    }

    /// <summary>Gives a buffer back for one of at least the given length; for 0 the one that takes no memory.</summary>
    public void Replace(ref byte[] buffer, int length)
    {
        Return(buffer);
        buffer = [];
        buffer = length == 0 ? buffer : Rent(length);
    }

    /// <summary>Goes back to the capacity, as far as nothing in use is in the way.</summary>
    public void Trim()
    {
        lock (gate)
        {
            while (_bytes > capacity && (DropSpare() || displace()))
            {
            }
        }
    }

    /// <summary>The smallest buffer that is large enough, unless it would be wasted on so little.</summary>
    private byte[]? TakeSpare(int length, int size)
    {
        var best = -1;
        for (var i = 0; i < _spare.Count; i++)
        {
            if (_spare[i].Length >= length && _spare[i].Length <= 2L * size
                && (best < 0 || _spare[i].Length < _spare[best].Length))
            {
                best = i;
            }
        }

        return best < 0 ? null : Remove(best);
    }

    private bool DropSpare()
    {
        if (_spare.Count == 0)
        {
            return false;
        }

        _bytes -= Remove(_spare.Count - 1).Length;
        return true;
    }

    private byte[] Remove(int index)
    {
        var buffer = _spare[index];
        _spare[index] = _spare[^1];
        _spare.RemoveAt(_spare.Count - 1);
        return buffer;
    }

    /// <summary>Few different sizes: the usual one, or else steps of an eighth.</summary>
    private int SizeFor(int length)
    {
        if (length <= usual && length > usual / 2)
        {
            return (int)Math.Min(Math.Max(usual, Smallest), Array.MaxLength);
        }

        var step = Math.Max(Smallest, (long)(BitOperations.RoundUpToPowerOf2((uint)length) / 8));
        return (int)Math.Min((length + step - 1) / step * step, Array.MaxLength);
    }
}
