using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SelfSup.Tensors.Pickle;

/// <summary>
/// Runs the stack machine of Python's pickles, protocols 2 to 5 (<c>pickletools.py</c> describes them), as far as checkpoints of
/// PyTorch go. What it makes are values of ours: numbers, text, lists, dictionaries, tensors that say where their values lie. It
/// calls nothing, needs no recursion, and what it allocates is bounded by what it has read.
/// </summary>
/// <param name="input">The bytes.</param>
internal sealed class PickleMachine(PickleInput input)
{
    private const long LongestPickle = 64L << 20; // that of a checkpoint is a few megabytes
    private const int MostSteps = 8_000_000;
    private const int LongestNumber = 64;
    private const int NewestProtocol = 5;

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private long _steps;

    /// <summary>The element types of all storages that were named so far, of tensors that nobody can reach too.</summary>
    public Dictionary<string, TorchSharp.torch.ScalarType> Storages { get; } = [];

    /// <summary>Reads the next pickle.</summary>
    /// <returns>What it holds.</returns>
    /// <exception cref="PickleException">It is not well-formed, or holds what is not allowed.</exception>
    public object? Read()
    {
        _stack.Clear();
        _marks.Clear();
        _memo.Clear();
        if (input.Byte() != 0x80)
        {
            throw new PickleException("it does not begin as a pickle of protocol 2 to 5");
        }

        if (input.Byte() is var protocol and (< 2 or > NewestProtocol))
        {
            throw new PickleException($"its protocol is {protocol}, must be 2 to {NewestProtocol}", "save it again with PyTorch");
        }

        var start = input.Position;
        for (_steps = 0; ; _steps++)
        {
            if (_steps > MostSteps || input.Position - start > LongestPickle)
            {
                throw new PickleException("it describes more objects than weights need", "save only the state_dict() with PyTorch and take that");
            }

            var code = (char)input.Byte();
            if (code == '.')
            {
                return _stack.Count <= 1 && _marks.Count == 0 ? Pop() : throw new PickleException("it leaves unfinished objects");
            }

            Step(code);
        }
    }

    private void Step(char code)
    {
        switch (code)
        {
            // Protocol 4 cuts a pickle into frames; they mean nothing here.
            case '\x95': _ = input.Int64(); break;

            case 'N': _stack.Add(null); break;
            case '\x88': _stack.Add(true); break;
            case '\x89': _stack.Add(false); break;
            case 'J': _stack.Add((long)input.Int32()); break;
            case 'K': _stack.Add((long)input.Byte()); break;
            case 'M': _stack.Add((long)input.UInt16()); break;
            case '\x8a': PushNumber(input.Byte()); break;
            case '\x8b': PushNumber(input.Int32()); break;
            case 'G': _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(input.Bytes(8))); break;

            case 'X': _stack.Add(input.Text((uint)input.Int32())); break;
            case '\x8c': _stack.Add(input.Text(input.Byte())); break;
            case '\x8d': _stack.Add(input.Text(input.Int64())); break;
            // Text of Python 2, names among them.
            case 'U': _stack.Add(Encoding.Latin1.GetString(input.Bytes(input.Byte()))); break;
            case 'T': _stack.Add(Encoding.Latin1.GetString(input.Bytes(input.Int32()))); break;
            case 'B': Skip((uint)input.Int32()); break;
            case 'C': Skip(input.Byte()); break;
            case '\x8e' or '\x96': Skip(input.Int64()); break;

            case ')': _stack.Add(Array.Empty<object?>()); break;
            case '\x85': PushTuple(1); break;
            case '\x86': PushTuple(2); break;
            case '\x87': PushTuple(3); break;
            case 't': PushTuple(_stack.Count - Mark()); break;
            case ']': _stack.Add(new List<object?>()); break;
            case 'l': PushList(Mark()); break;
            case 'a': Append(_stack.Count - 1); break;
            case 'e': Append(Mark()); break;
            case '}': _stack.Add(new PickleDictionary()); break;
            case 'd': PushDictionary(Mark()); break;
            case 's': SetEntries(_stack.Count - 2); break;
            case 'u': SetEntries(Mark()); break;
            case '\x8f': _stack.Add(new PickleOpaque("set")); break;
            case '\x90': Drop(Mark()); break;
            case '\x91': Drop(Mark()); _stack.Add(new PickleOpaque("frozenset")); break;

            case '(': _marks.Add(_stack.Count); break;
            case '0': _ = Pop(); break;
            case '1': Drop(Mark()); break;
            case '2': _stack.Add(Top); break;
            case 'h': _stack.Add(Remembered(input.Byte())); break;
            case 'j': _stack.Add(Remembered((uint)input.Int32())); break;
            case 'q': _memo[input.Byte()] = Top; break;
            case 'r': _memo[(uint)input.Int32()] = Top; break;
            case '\x94': _memo[(uint)_memo.Count] = Top; break;

            case 'c': _stack.Add(PickleGlobals.Find(input.Line(), input.Line())); break;
            case '\x93': FindGlobal(); break;
            case 'R' or '\x81': Call(); break;
            case '\x92': _ = Pop(); Call(); break;
            case 'b': Build(); break;
            case 'Q': PushStorage(); break;

            default: throw new PickleException($"it holds the operation 0x{(int)code:x2}, which checkpoints do not need");
        }
    }

    private object? Top => _stack.Count > Floor ? _stack[^1] : throw Empty();

    // What lies below a mark belongs to another object.
    private int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private static PickleException Empty() => new("it takes more objects than there are");

    private object? Pop()
    {
        var top = Top;
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private int Mark()
    {
        if (_marks.Count == 0)
        {
            throw Empty();
        }

        var mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return mark;
    }

    private void Drop(int from) => _stack.RemoveRange(from, _stack.Count - from);

    private object?[] Take(int from)
    {
        if (from < Floor)
        {
            throw Empty();
        }

        object?[] taken = [.. _stack.Skip(from)];
        Drop(from);
        return taken;
    }

    private void PushNumber(int bytes)
    {
        if (bytes is < 0 or > LongestNumber)
        {
            throw new PickleException($"a number in it has {bytes} bytes");
        }

        var number = new BigInteger(input.Bytes(bytes));
        _stack.Add(number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number);
    }

    // Bytes are of random states and numpy's numbers: nothing that is needed.
    private void Skip(long count)
    {
        _ = input.Bytes(count);
        _stack.Add(new PickleOpaque("bytes"));
    }

    private void PushTuple(int count) => _stack.Add(Take(_stack.Count - count));

    private void PushList(int mark) => _stack.Add(new List<object?>(Take(mark)));

    private void PushDictionary(int mark)
    {
        var items = Take(mark);
        _stack.Add(new PickleDictionary());
        Set(items);
    }

    private void Append(int from)
    {
        var items = Take(from);
        if (Top is List<object?> list)
        {
            list.AddRange(items);
        }
        else if (Top is not PickleOpaque)
        {
            throw new PickleException("it appends to what is no list");
        }
    }

    private void SetEntries(int from) => Set(Take(from));

    private void Set(object?[] items)
    {
        if (items.Length % 2 != 0 || Top is not (PickleDictionary or PickleOpaque))
        {
            throw new PickleException("it sets entries of what is no dictionary");
        }

        for (var i = 0; i < items.Length && Top is PickleDictionary dictionary; i += 2)
        {
            dictionary.Set(items[i], items[i + 1]);
        }
    }

    private object? Remembered(uint index) =>
        _memo.TryGetValue(index, out var value) ? value : throw new PickleException("it refers to an object that it does not have");

    private void FindGlobal()
    {
        var name = Pop();
        var module = Pop();
        _stack.Add(name is string text && module is string of ? PickleGlobals.Find(of, text) : throw new PickleException("a name in it is no text"));
    }

    private void PushStorage()
    {
        var storage = PickleCalls.Storage(Pop());
        Storages[storage.Key] = storage.Type;
        _stack.Add(storage);
    }

    private void Call()
    {
        var arguments = Pop();
        if (arguments is object?[] given)
        {
            // A list that is in the file once may be made a dictionary of again and again.
            _steps += given.Length + given.OfType<List<object?>>().Sum(list => (long)list.Count);
        }

        _stack.Add(PickleCalls.Reduce(Pop(), arguments));
    }

    // The state of a dictionary is its attributes (_metadata of a state_dict), that of an opaque object nothing that is needed.
    private void Build()
    {
        _ = Pop();
        if (Top is not (PickleDictionary or PickleOpaque or PickleTensor))
        {
            throw new PickleException("it gives a state to what has none");
        }
    }
}
