using static TorchSharp.torch;

namespace SelfSup.Tensors.Pickle;

/// <summary>What becomes of it when a pickle calls a name: values of ours, and never a call.</summary>
internal static class PickleCalls
{
    /// <summary>The result of a call.</summary>
    /// <param name="function">What is called.</param>
    /// <param name="arguments">With what.</param>
    /// <exception cref="PickleException">It is nothing that can be called, or with other arguments.</exception>
    public static object? Reduce(object? function, object? arguments)
    {
        if (function is PickleOpaque opaque)
        {
            return opaque; // a method or a partial application of something opaque
        }

        if (function is not PickleGlobal global || arguments is not object?[] given)
        {
            throw new PickleException("it calls what cannot be called");
        }

        return global.Meaning switch
        {
            GlobalMeaning.Dictionary => Dictionary(given),
            GlobalMeaning.Tensor when given is [PickleStorage storage, long offset, object?[] shape, object?[] strides, ..] =>
                Tensor(storage, storage.Type, offset, shape, strides),
            GlobalMeaning.TypedTensor
                when given is [PickleStorage storage, long offset, object?[] shape, object?[] strides, _, _, PickleGlobal { Meaning: GlobalMeaning.Type } type, ..] =>
                Tensor(storage, type.Type!.Value, offset, shape, strides),
            GlobalMeaning.Parameter when given is [PickleTensor tensor, ..] => tensor,
            GlobalMeaning.TensorOfClass
                when given is [PickleGlobal { Meaning: GlobalMeaning.Tensor or GlobalMeaning.TypedTensor } rebuild, _, object?[] of, ..] =>
                Reduce(rebuild, of),
            GlobalMeaning.First when given is [var first] => first,
            GlobalMeaning.Opaque => new PickleOpaque(global.Name),
            _ => throw new PickleException($"it calls {global.Name} with other arguments than PyTorch does"),
        };
    }

    /// <summary>What a persistent id stands for: always a storage.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="PickleException">It is no storage.</exception>
    public static PickleStorage Storage(object? id)
    {
        if (id is not object?[] { Length: 5 or 6 } parts
            || parts is not ["storage", PickleGlobal { Meaning: GlobalMeaning.Storage } global, string key, string or null, long count, ..])
        {
            throw new PickleException("a storage in it is not described as PyTorch describes them");
        }

        var type = global.Type!.Value;
        if (TensorShape.Bytes([count], type) is null)
        {
            throw new PickleException($"storage '{ShownText.Of(key)}' claims {count} values");
        }

        return parts is [.., object?[] view]
            ? view is [string, long first, long length] && first >= 0 && length >= 0 && first <= count - length
                ? new PickleStorage(key, type, first, length)
                : throw new PickleException($"a part of storage '{ShownText.Of(key)}' is outside of it")
            : new PickleStorage(key, type, 0, count);
    }

    private static PickleDictionary Dictionary(object?[] arguments)
    {
        var dictionary = new PickleDictionary();
        foreach (var pair in arguments.OfType<List<object?>>().SelectMany(pairs => pairs))
        {
            switch (pair)
            {
                case object?[] and [var key, var value]:
                    dictionary.Set(key, value);
                    break;
                case List<object?> and [var key, var value]:
                    dictionary.Set(key, value);
                    break;
                default:
                    throw new PickleException("a dictionary in it is not made of pairs");
            }
        }

        return dictionary;
    }

    private static PickleTensor Tensor(PickleStorage storage, ScalarType type, long offset, object?[] shape, object?[] strides)
    {
        const int MostDimensions = 64; // libtorch's
        long[] sizes = [.. shape.OfType<long>()];
        long[] steps = [.. strides.OfType<long>()];
        var stored = storage.Type == type ? storage.Count
            : storage.Type == ScalarType.Byte ? storage.Count / TensorShape.Size(type)
            : throw new PickleException($"a tensor of storage '{ShownText.Of(storage.Key)}' has another type than it");
        if (sizes.Length != shape.Length || steps.Length != sizes.Length || strides.Length != sizes.Length || sizes.Length > MostDimensions
            || TensorShape.Count(sizes) is not { } count || offset < 0 || steps.Any(step => step < 0) || !Fits(offset, sizes, steps, count, stored))
        {
            throw new PickleException(
                $"a tensor of shape {TensorFacts.Text(sizes)} with strides {TensorFacts.Text(steps)} at {offset} is not within storage "
                + $"'{ShownText.Of(storage.Key)}' of {stored} values");
        }

        return new PickleTensor(storage, type, offset, sizes, steps);
    }

    /// <summary>Whether the last value is in the storage.</summary>
    private static bool Fits(long offset, long[] sizes, long[] steps, long count, long stored)
    {
        if (count == 0)
        {
            return true;
        }

        var last = (Int128)offset;
        for (var i = 0; i < sizes.Length; i++)
        {
            last += (Int128)(sizes[i] - 1) * steps[i];
        }

        return last < stored;
    }
}
