using System.Buffers.Binary;
using System.Globalization;
using System.Text;

using SelfSup.Randomness;

namespace SelfSup.Tools.Fuzz;

/// <summary>
/// Damages files of tensors: bytes, and what headers and pickles are made of, lengths and offsets, names and operations. A file
/// and a seed always give the same bytes.
/// </summary>
internal sealed class TensorMutator
{
    // What pickles do, headers claim, and arithmetic stumbles over.
    private static readonly byte[] _operations = "(.0125NIJKMLFGVXUTBCcRbQPhjqrat]l}dsuei)\x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96"u8.ToArray();
    private static readonly long[] _numbers =
        [0, 1, 2, 3, 8, 255, 256, 65535, int.MaxValue, uint.MaxValue, 1L << 32, 1L << 40, 1L << 56, 1L << 61, 1L << 62, long.MaxValue, -1, -8, long.MinValue];

    private readonly List<byte> _bytes = [];
    private CounterRandom _random;

    /// <summary>A damaged copy.</summary>
    /// <param name="file">The file.</param>
    /// <param name="other">Another one, whose parts may be put in.</param>
    /// <param name="seed">Chooses the damage.</param>
    public byte[] Mutate(ReadOnlySpan<byte> file, ReadOnlySpan<byte> other, long seed)
    {
        _random = new CounterRandom(0x7E45, RandomPurpose.Selection, sample: seed);
        _bytes.Clear();
        _bytes.AddRange(file);
        var before = HeaderLength(file);
        for (var i = _random.NextInt(4) / 3; i >= 0 && _bytes.Count > 16; i--)
        {
            Damage(other);
        }

        // A header of another length is only looked at where the file says so.
        if (before is { } length && _bytes.Count > 8 && _random.Chance(0.8))
        {
            var header = (length + _bytes.Count - file.Length) is var longer and > 0 ? longer : length;
            var prefix = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(prefix, header);
            for (var i = 0; i < 8; i++)
            {
                _bytes[i] = prefix[i];
            }
        }

        return [.. _bytes];
    }

    private static long? HeaderLength(ReadOnlySpan<byte> file) =>
        file.Length > 8 && file[8] == '{' ? BinaryPrimitives.ReadInt64LittleEndian(file) : null;

    private void Damage(ReadOnlySpan<byte> other)
    {
        switch (_random.NextInt(12))
        {
            case 0 or 9:
                for (var i = _random.NextInt(4); i >= 0; i--)
                {
                    _bytes[Position()] ^= (byte)(1 << _random.NextInt(8));
                }

                break;
            case 1 or 10:
                for (var i = _random.NextInt(3); i >= 0; i--)
                {
                    _bytes[Position()] = _operations[_random.NextInt(_operations.Length)];
                }

                break;
            case 2:
                var end = Position();
                _bytes.RemoveRange(end, _bytes.Count - end);
                break;
            case 3:
                _bytes.InsertRange(Position(), Enumerable.Repeat(_operations[_random.NextInt(_operations.Length)], 1 + _random.NextInt(64)));
                break;
            case 4:
                var from = Position();
                _bytes.RemoveRange(from, Math.Min(_bytes.Count - from, 1 + _random.NextInt(32)));
                break;
            case 5:
                var start = _random.NextInt(other.Length);
                _bytes.InsertRange(Position(), other.Slice(start, Math.Min(other.Length - start, 1 + _random.NextInt(200))).ToArray());
                break;
            case 6:
                ReplaceDigits();
                break;
            case 7 or 11:
                var at = Position();
                var number = new byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(number, Number());
                for (var i = 0; i < (2 << _random.NextInt(3)) && at + i < _bytes.Count; i++)
                {
                    _bytes[at + i] = number[i];
                }

                break;
            default:
                var (source, length) = (Position(), 1 + _random.NextInt(100));
                var piece = _bytes.GetRange(source, Math.Min(length, _bytes.Count - source));
                _bytes.InsertRange(Position(), piece);
                break;
        }
    }

    private void ReplaceDigits()
    {
        var start = _bytes.FindIndex(Position(), value => value is >= (byte)'0' and <= (byte)'9');
        if (start < 0)
        {
            return;
        }

        var end = start;
        while (end < _bytes.Count && _bytes[end] is >= (byte)'0' and <= (byte)'9')
        {
            end++;
        }

        _bytes.RemoveRange(start, end - start);
        _bytes.InsertRange(start, Encoding.ASCII.GetBytes(Number().ToString(CultureInfo.InvariantCulture)));
    }

    private long Number() => _numbers[_random.NextInt(_numbers.Length)] + (_random.Chance(0.3) ? _random.NextInt(3) - 1 : 0);

    // Headers and pickles come first in a file, and a zip's list of records last.
    private int Position() => _random.NextInt(4) switch
    {
        0 => _random.NextInt(_bytes.Count),
        1 => _bytes.Count - 1 - _random.NextInt(Math.Min(_bytes.Count, 400)),
        _ => _random.NextInt(Math.Min(_bytes.Count, 2000)),
    };
}
