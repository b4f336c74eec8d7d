using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Tensors.Pickle;

/// <summary>
/// What <c>torch.save</c> writes (<c>.pth</c>, <c>.pth.tar</c>, <c>.pt</c>, <c>.ckpt</c>, <c>.bin</c>): a pickle that describes
/// tensors, and their values, in a zip container or, before PyTorch 1.6, one after the other. The pickle is read by a machine
/// that knows tensors, dictionaries and plain values and runs nothing.
/// </summary>
internal sealed class TorchFile : TensorFile
{
    private readonly IReadOnlyDictionary<string, ZipRecord> _storages;
    private readonly IReadOnlyDictionary<string, PickleTensor> _tensors;

    private TorchFile(SafeFileHandle file, string path, object? root, IReadOnlyDictionary<string, ZipRecord> storages)
        : base(file, path)
    {
        _storages = storages;
        _tensors = PickledNames.Of(root, RandomAccess.GetLength(file));
        foreach (var storage in _tensors.Values.Select(tensor => tensor.Storage).Distinct())
        {
            if (!storages.TryGetValue(storage.Key, out var record))
            {
                throw new PickleException($"storage '{ShownText.Of(storage.Key)}' is not there");
            }

            if (TensorShape.Bytes([storage.First + storage.Count], storage.Type) is not { } needed || needed > record.Length)
            {
                throw new PickleException($"storage '{ShownText.Of(storage.Key)}' has {record.Length} bytes, fewer than its {storage.Count} values need");
            }
        }

        Tensors = _tensors.ToDictionary(tensor => tensor.Key, tensor => new TensorFacts(tensor.Value.Type, tensor.Value.Shape));
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorFacts> Tensors { get; }

    /// <summary>Whether a file begins as a zip file or a pickle does. Eight bytes of a length and a brace are safetensors, whatever they are.</summary>
    /// <param name="first">Its first nine bytes, or fewer.</param>
    public static bool IsOne(ReadOnlySpan<byte> first) =>
        first is not [_, _, _, _, 0, 0, 0, 0, (byte)'{'] and ([(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..] or [0x80, <= 5, ..]);

    /// <summary>Takes hold of a file.</summary>
    /// <exception cref="CheckpointException">It is not well-formed, or holds what is not allowed; the file stays open.</exception>
    public static TorchFile Open(SafeFileHandle file, string path)
    {
        try
        {
            Span<byte> first = stackalloc byte[1];
            _ = RandomAccess.Read(file, first, 0);
            return first[0] == 'P' ? OpenZip(file, path) : OpenLegacy(file, path);
        }
        catch (PickleException e)
        {
            throw new CheckpointException($"{path}: not a PyTorch file of weights: {e.Message}; {e.Remedy}", e);
        }
    }

    /// <inheritdoc/>
    protected override Tensor Read(SafeFileHandle file, string name)
    {
        var tensor = _tensors[name];
        var count = TensorShape.Count(tensor.Shape)!.Value;
        if (count == 0)
        {
            return empty(tensor.Shape, tensor.Type);
        }

        // From the first to the last value, whatever others share the storage.
        var span = 1 + tensor.Shape.Zip(tensor.Strides, (size, step) => (size - 1) * step).Sum();
        if (count > span)
        {
            throw new CheckpointException($"{Path}: '{ShownText.Of(name)}' repeats its {span} values to {count}; save a contiguous copy of it with PyTorch");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var size = TensorShape.Size(tensor.Type);
        var storage = tensor.Storage;
        var at = _storages[storage.Key].Start + (storage.First * TensorShape.Size(storage.Type)) + (tensor.Offset * size);
        var values = empty([span], tensor.Type);
        Fill(file, values, at);
        return (span == count && IsContiguous(tensor)
            ? values.reshape(tensor.Shape)
            : values.as_strided(tensor.Shape, tensor.Strides).contiguous()).MoveToOuterDisposeScope();
    }

    private static TorchFile OpenZip(SafeFileHandle file, string path)
    {
        const string Pickle = "/data.pkl";
        var records = ZipDirectory.Read(file);
        string[] pickles = [.. records.Keys.Where(name => name.EndsWith(Pickle, StringComparison.Ordinal) && name.Count(c => c == '/') == 1)];
        if (pickles is not [var pickle])
        {
            throw new PickleException(pickles.Length == 0
                ? "it is a zip file without the data.pkl that torch.save writes"
                : "it holds more than one data.pkl");
        }

        var folder = pickle[..^Pickle.Length];
        if (records.ContainsKey(folder + "/constants.pkl"))
        {
            throw new PickleException("it is a TorchScript program", "save the module's state_dict() with PyTorch and take that");
        }

        if (records.TryGetValue(folder + "/byteorder", out var order)
            && (order.Length != 6 || !ZipDirectory.Bytes(file, order.Start, order.Length).AsSpan().SequenceEqual("little"u8)))
        {
            throw new PickleException("its byte order is not little-endian", "save it again on another machine");
        }

        var place = records[pickle];
        var root = new PickleMachine(new PickleInput(file, place.Start, place.Start + place.Length)).Read();
        var storages = folder + "/data/";
        return new TorchFile(file, path, root, records
            .Where(record => record.Key.StartsWith(storages, StringComparison.Ordinal))
            .ToDictionary(record => record.Key[storages.Length..], record => record.Value));
    }

    /// <summary>Five pickles (a magic number, a version, the machine, the object, the storages' names), then the storages.</summary>
    private static TorchFile OpenLegacy(SafeFileHandle file, string path)
    {
        var length = RandomAccess.GetLength(file);
        var input = new PickleInput(file, 0, length);
        var machine = new PickleMachine(input);
        if (machine.Read() is not System.Numerics.BigInteger magic || magic != LegacyMagic || machine.Read() is not 1001L)
        {
            throw new PickleException("it is a pickle that torch.save did not write");
        }

        if (machine.Read() is PickleDictionary about && about.Entries.GetValueOrDefault("little_endian") is false)
        {
            throw new PickleException("its byte order is not little-endian", "save it again on another machine");
        }

        var root = machine.Read();
        if (machine.Read() is not List<object?> keys)
        {
            throw new PickleException("it does not say which storages follow");
        }

        var storages = new Dictionary<string, ZipRecord>();
        var at = input.Position;
        foreach (var key in keys)
        {
            // Storages of other tensors, such as an optimizer's, have to be known too: they lie between.
            if (key is not string name || !machine.Storages.TryGetValue(name, out var type))
            {
                throw new PickleException("a storage follows that no tensor has");
            }

            if (at > length - sizeof(long))
            {
                throw new PickleException("it ends early");
            }

            var count = BitConverter.ToInt64(ZipDirectory.Bytes(file, at, sizeof(long)));
            at += sizeof(long);
            if (TensorShape.Bytes([count], type) is not { } bytes || bytes > length - at || !storages.TryAdd(name, new ZipRecord(at, bytes)))
            {
                throw new PickleException($"storage '{ShownText.Of(name)}' claims {count} values, more than the file holds");
            }

            at += bytes;
        }

        return new TorchFile(file, path, root, storages);
    }

    private static System.Numerics.BigInteger LegacyMagic { get; } =
        System.Numerics.BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsContiguous(PickleTensor tensor)
    {
        long step = 1;
        for (var i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != step)
            {
                return false;
            }

            step *= tensor.Shape[i];
        }

        return true;
    }
}
