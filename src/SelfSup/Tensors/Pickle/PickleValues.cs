using static TorchSharp.torch;

namespace SelfSup.Tensors.Pickle;

/// <summary>A dictionary. Only entries whose keys are text are kept: names of tensors are text.</summary>
internal sealed class PickleDictionary
{
    private static readonly IReadOnlyDictionary<string, object?> _none = new Dictionary<string, object?>();
    private Dictionary<string, object?>? _entries; // not before there is one: a single byte of a file makes a dictionary

    /// <summary>Its entries.</summary>
    public IReadOnlyDictionary<string, object?> Entries => _entries ?? _none;

    /// <summary>Takes an entry in; a later one replaces an earlier one.</summary>
    public void Set(object? key, object? value)
    {
        if (key is string text)
        {
            (_entries ??= [])[text] = value;
        }
    }
}

/// <summary>A storage: values that lie one after the other somewhere in the file.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">The type of its values; bytes where tensors say it.</param>
/// <param name="First">Where in the storage of that name it begins, in values.</param>
/// <param name="Count">How many values it has.</param>
internal sealed record PickleStorage(string Key, ScalarType Type, long First, long Count);

/// <summary>A tensor: a view of a storage, which others may share.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Type">The type of its values.</param>
/// <param name="Offset">Where in the storage it begins, in values.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Strides">How far apart neighbours lie in each dimension, in values.</param>
internal sealed record PickleTensor(PickleStorage Storage, ScalarType Type, long Offset, long[] Shape, long[] Strides);

/// <summary>An object of a class that is allowed beside tensors and of which nothing is known but the class.</summary>
/// <param name="Class">The class.</param>
internal sealed record PickleOpaque(string Class);
