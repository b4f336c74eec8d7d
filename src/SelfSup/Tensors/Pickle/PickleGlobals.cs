using static TorchSharp.torch;

namespace SelfSup.Tensors.Pickle;

/// <summary>
/// The names of Python that a pickle may contain. None is ever looked up or called: those that tensors are made of mean
/// something here, those that checkpoints have beside them are kept as names, and every other one is refused.
/// </summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, GlobalMeaning> _meanings = new()
    {
        ["collections.OrderedDict"] = GlobalMeaning.Dictionary,
        ["collections.defaultdict"] = GlobalMeaning.Dictionary,
        ["torch._utils._rebuild_tensor"] = GlobalMeaning.Tensor,
        ["torch._utils._rebuild_tensor_v2"] = GlobalMeaning.Tensor,
        ["torch._utils._rebuild_tensor_v3"] = GlobalMeaning.TypedTensor,
        ["torch._utils._rebuild_parameter"] = GlobalMeaning.Parameter,
        ["torch._utils._rebuild_parameter_with_state"] = GlobalMeaning.Parameter,
        ["torch._tensor._rebuild_from_type_v2"] = GlobalMeaning.TensorOfClass,
        ["torch.Size"] = GlobalMeaning.First,
        ["torch.device"] = GlobalMeaning.Opaque,
        ["torch.Tensor"] = GlobalMeaning.Opaque,
        ["torch.nn.parameter.Parameter"] = GlobalMeaning.Opaque,
        ["torch.nn.parameter.Buffer"] = GlobalMeaning.Opaque,
        ["torch.serialization._get_layout"] = GlobalMeaning.Opaque,
    };

    private static readonly Dictionary<string, ScalarType> _storages = new()
    {
        ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.FloatStorage"] = ScalarType.Float32,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16,
        ["torch.LongStorage"] = ScalarType.Int64,
        ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16,
        ["torch.CharStorage"] = ScalarType.Int8,
        ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool,
        ["torch.UntypedStorage"] = ScalarType.Byte,
        ["torch.storage.UntypedStorage"] = ScalarType.Byte,
    };

    private static readonly Dictionary<string, ScalarType> _types = new()
    {
        ["torch.float64"] = ScalarType.Float64,
        ["torch.float32"] = ScalarType.Float32,
        ["torch.float16"] = ScalarType.Float16,
        ["torch.bfloat16"] = ScalarType.BFloat16,
        ["torch.int64"] = ScalarType.Int64,
        ["torch.int32"] = ScalarType.Int32,
        ["torch.int16"] = ScalarType.Int16,
        ["torch.int8"] = ScalarType.Int8,
        ["torch.uint8"] = ScalarType.Byte,
        ["torch.bool"] = ScalarType.Bool,
    };

    // Plain values that training programs keep beside weights: arguments, dates, paths, random states, best accuracies.
    private static readonly HashSet<string> _plain =
    [
        "argparse.Namespace", "types.SimpleNamespace", "collections.Counter", "collections.deque", "_codecs.encode", "copyreg._reconstructor",
        "copy_reg._reconstructor", "datetime.datetime", "datetime.date", "datetime.timedelta", "decimal.Decimal", "uuid.UUID",
        "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
        "pathlib._local.Path", "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "pathlib._local.PurePosixPath", "pathlib._local.PureWindowsPath",
        "numpy.ndarray", "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.random._pickle.__randomstate_ctor",
        "torch.memory_format", "torch.contiguous_format", "torch.channels_last", "torch.strided", "torch.torch_version.TorchVersion",
        .. from module in new[] { "builtins", "__builtin__" }
           from name in new[] { "object", "set", "frozenset", "complex", "slice", "range", "bytearray", "int", "long", "float", "str", "unicode", "bytes", "bool", "list", "dict", "tuple" }
           select $"{module}.{name}",
    ];

    // Settings and records of the field's trainers.
    private static readonly string[] _plainPackages =
    [
        "omegaconf.", "pytorch_lightning.", "lightning.", "lightning_fabric.", "lightning_utilities.", "lightly.", "solo.", "vissl.",
        "classy_vision.", "fvcore.", "yacs.", "mmcv.", "mmengine.", "mmcls.", "mmpretrain.", "timm.", "typing.",
    ];

    /// <summary>What a name means.</summary>
    /// <exception cref="PickleException">It is not allowed.</exception>
    public static PickleGlobal Find(string module, string name)
    {
        var full = $"{module}.{name}";
        if (_storages.TryGetValue(full, out var storage))
        {
            return new PickleGlobal(full, GlobalMeaning.Storage, storage);
        }

        if (_types.TryGetValue(full, out var type))
        {
            return new PickleGlobal(full, GlobalMeaning.Type, type);
        }

        if (_meanings.TryGetValue(full, out var meaning))
        {
            return new PickleGlobal(full, meaning, null);
        }

        if (_plain.Contains(full) || Array.Exists(_plainPackages, package => full.StartsWith(package, StringComparison.Ordinal)))
        {
            return new PickleGlobal(full, GlobalMeaning.Opaque, null);
        }

        throw new PickleException(
            $"it names '{ShownText.Of(full)}', which is none of the names that tensors and plain values need; nothing of it was run",
            "if the file can be trusted, save its state_dict() with PyTorch and take that, or its weights as safetensors");
    }
}

/// <summary>A name of Python that a pickle contains.</summary>
/// <param name="Name">With its module.</param>
/// <param name="Meaning">What it means.</param>
/// <param name="Type">The element type that it stands for, if it does.</param>
internal sealed record PickleGlobal(string Name, GlobalMeaning Meaning, ScalarType? Type);

/// <summary>What a name means when a pickle calls it.</summary>
internal enum GlobalMeaning
{
    /// <summary>An object that only has a class.</summary>
    Opaque,

    /// <summary>An empty dictionary, or one of the pairs that are given.</summary>
    Dictionary,

    /// <summary>A tensor of a storage, its offset, shape and strides.</summary>
    Tensor,

    /// <summary>Likewise, of a storage of bytes; the seventh argument is the type.</summary>
    TypedTensor,

    /// <summary>The tensor that is the first argument.</summary>
    Parameter,

    /// <summary>A tensor that has attributes: how it is rebuilt, its class, and what it is rebuilt of.</summary>
    TensorOfClass,

    /// <summary>The first argument.</summary>
    First,

    /// <summary>A kind of storage.</summary>
    Storage,

    /// <summary>An element type.</summary>
    Type,
}
