using System.Runtime.CompilerServices;

namespace SelfSup.Randomness;

/// <summary>
/// Random numbers as a function of where they are used: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011) keyed by the run's seed, with the place of use in the counter. Nothing has to be saved for an
/// exact resume, and the numbers are the same on any number of workers or ranks.
/// </summary>
public struct CounterRandom
{
    private readonly uint _key0;
    private readonly uint _key1;
    private readonly uint _epoch;
    private readonly uint _sample;
    private readonly uint _stream;
    private uint _block;
    private Words _words;
    private int _used;

    /// <summary>The stream for one place of use.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="purpose">What the numbers are for.</param>
    /// <param name="epoch">The epoch, or 0.</param>
    /// <param name="sample">The sample's index in the data set, or 0.</param>
    /// <param name="view">The view of the sample, or 0.</param>
    public CounterRandom(ulong seed, RandomPurpose purpose, long epoch = 0, long sample = 0, int view = 0)
    {
        (_key0, _key1) = ((uint)seed, (uint)(seed >> 32));
        (_epoch, _sample) = ((uint)epoch, (uint)sample);
        // Eight bits of purpose, eight of the sample's upper half (a data set may pass 4 billion images), sixteen of view.
        _stream = ((uint)purpose << 24) | (((uint)(sample >> 32) & 0xFF) << 16) | ((uint)view & 0xFFFF);
        _used = 4;
    }

    /// <summary>The next 32 random bits.</summary>
    public uint NextUInt32()
    {
        if (_used == 4)
        {
            _words = Philox(new Words(_block++, _epoch, _sample, _stream), _key0, _key1);
            _used = 0;
        }

        return _words[_used++];
    }

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    public double NextDouble()
    {
        ulong high = NextUInt32();
        ulong low = NextUInt32();
        return (((high << 32) | low) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Uniform in 0 .. <paramref name="count"/> - 1, without bias (Lemire 2019).</summary>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var product = (ulong)NextUInt32() * (uint)count;
        if ((uint)product < (uint)count)
        {
            var threshold = (uint)(-count) % (uint)count;
            while ((uint)product < threshold)
            {
                product = (ulong)NextUInt32() * (uint)count;
            }
        }

        return (int)(product >> 32);
    }

    /// <summary>Puts <paramref name="items"/> in a uniformly random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>The ten rounds of Philox4x32.</summary>
    internal static Words Philox(Words counter, uint key0, uint key1)
    {
        var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3]);
        for (var round = 0; round < 10; round++)
        {
            var product0 = 0xD2511F53UL * c0;
            var product1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ key0,
                (uint)product1,
                (uint)(product0 >> 32) ^ c3 ^ key1,
                (uint)product0);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }

        return new Words(c0, c1, c2, c3);
    }

    /// <summary>The four words of a counter or of a block of random bits.</summary>
    [InlineArray(4)]
    internal struct Words
    {
        private uint _first;

        public Words(uint a, uint b, uint c, uint d)
        {
            this[0] = a;
            this[1] = b;
            this[2] = c;
            this[3] = d;
        }
    }
}
