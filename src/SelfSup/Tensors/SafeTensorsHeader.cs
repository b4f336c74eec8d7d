using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text.Json;
using System.Text.Unicode;

using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// The header of a safetensors file, checked against the file's length before anything of that size is allocated. It refuses all
/// that the reference implementation refuses (https://github.com/huggingface/safetensors, <c>tensor.rs</c>), and duplicate names.
/// </summary>
/// <param name="Entries">The tensors, in the order of their values.</param>
/// <param name="Start">Where the values begin in the file.</param>
/// <param name="Metadata">Free text.</param>
internal sealed record SafeTensorsHeader(IReadOnlyList<SafeTensorsEntry> Entries, long Start, IReadOnlyDictionary<string, string> Metadata)
{
    private const string MetadataKey = "__metadata__";
    private const int LongestHeader = 100_000_000; // the limit of the reference implementation
    private const int MostDimensions = 64; // libtorch's
    private const int Nesting = 3; // object, tensor, shape

    /// <summary>The element types that are read and written, by the format's names.</summary>
    public static readonly IReadOnlyDictionary<ScalarType, string> Types = new Dictionary<ScalarType, string>
    {
        [ScalarType.Float64] = "F64",
        [ScalarType.Float32] = "F32",
        [ScalarType.Float16] = "F16",
        [ScalarType.BFloat16] = "BF16",
        [ScalarType.Int64] = "I64",
        [ScalarType.Int32] = "I32",
        [ScalarType.Int16] = "I16",
        [ScalarType.Int8] = "I8",
        [ScalarType.Byte] = "U8",
        [ScalarType.Bool] = "BOOL",
    };

    // Types of the format that libtorch has no arithmetic for.
    private static readonly string[] _notRead =
        ["F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "U16", "U32", "U64", "C64"];

    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false, MaxDepth = Nesting };

    /// <summary>Reads and checks it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Its name in errors.</param>
    /// <param name="checksum">Is given the bytes on the way, or null.</param>
    /// <exception cref="CheckpointException">It is not what the format asks for.</exception>
    public static SafeTensorsHeader Read(SafeFileHandle file, string path, XxHash128? checksum)
    {
        var length = RandomAccess.GetLength(file);
        var prefix = new byte[8];
        if (length < 8 || RandomAccess.Read(file, prefix, 0) < 8)
        {
            throw Malformed(path, "it is shorter than 8 bytes");
        }

        var claimed = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (claimed > LongestHeader || claimed > (ulong)(length - 8))
        {
            throw Malformed(
                path,
                $"its header claims {claimed.ToString(CultureInfo.InvariantCulture)} bytes, "
                + (claimed > LongestHeader ? $"at most {LongestHeader} are allowed" : $"{length - 8} follow"));
        }

        var header = new byte[claimed];
        for (var read = 0; read < header.Length;)
        {
            var count = RandomAccess.Read(file, header.AsSpan(read), 8 + read);
            read += count > 0 ? count : throw Malformed(path, "its header ends early");
        }

        checksum?.Append(prefix);
        checksum?.Append(header);
        return Parse(header, length, path);
    }

    private static SafeTensorsHeader Parse(byte[] header, long length, string path)
    {
        if (header is not [(byte)'{', ..])
        {
            throw Malformed(path, "its header does not begin with '{'");
        }

        if (!Utf8.IsValid(header))
        {
            throw Malformed(path, "its header is not UTF-8");
        }

        var entries = new List<SafeTensorsEntry>();
        IReadOnlyDictionary<string, string> metadata = new Dictionary<string, string>();
        try
        {
            using var json = JsonDocument.Parse(header, _strict);
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                {
                    metadata = Texts(property.Value, path);
                }
                else
                {
                    entries.Add(Entry(property, path));
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Malformed(path, $"its header is not what the format asks for ({ShownText.Of(e.Message)})");
        }

        long end = 0;
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        foreach (var entry in entries)
        {
            if (entry.Begin != end)
            {
                throw Malformed(path, $"'{ShownText.Of(entry.Name)}' starts at {entry.Begin}, the values before it end at {end}");
            }

            end = entry.End;
        }

        var start = 8L + header.Length;
        return end == length - start
            ? new SafeTensorsHeader(entries, start, metadata)
            : throw Malformed(path, $"the header describes {end} bytes of values, the file holds {length - start}");
    }

    private static Dictionary<string, string> Texts(JsonElement metadata, string path)
    {
        var texts = new Dictionary<string, string>();
        foreach (var entry in metadata.EnumerateObject())
        {
            texts.Add(entry.Name, entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw Malformed(path, $"'{ShownText.Of(entry.Name)}' of its {MetadataKey} is no text"));
        }

        return texts;
    }

    private static SafeTensorsEntry Entry(JsonProperty property, string path)
    {
        var (name, shown) = (property.Name, ShownText.Of(property.Name));
        var typeName = property.Value.GetProperty("dtype").GetString();
        if (Array.IndexOf(_notRead, typeName) >= 0)
        {
            throw new CheckpointException(
                $"{path}: '{shown}' has element type '{typeName}', which is not supported, must be one of "
                + $"{string.Join(", ", Types.Values)}; convert the file where it was made");
        }

        if (Types.FirstOrDefault(pair => pair.Value == typeName) is not { Value: not null } type)
        {
            throw Malformed(path, $"'{shown}' has element type '{ShownText.Of(typeName ?? "")}', which the format does not have");
        }

        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (shape.Length > MostDimensions)
        {
            throw Malformed(path, $"'{shown}' has {shape.Length} dimensions, at most {MostDimensions} are possible");
        }

        return offsets is [>= 0, var end] && end >= offsets[0] && TensorShape.Bytes(shape, type.Key) == end - offsets[0]
            ? new SafeTensorsEntry(name, new TensorFacts(type.Key, shape), offsets[0], end)
            : throw Malformed(
                path, $"'{shown}' has shape {TensorFacts.Text(shape)} and offsets {TensorFacts.Text(offsets)}, which do not agree");
    }

    private static CheckpointException Malformed(string path, string what) =>
        new($"{path}: not a whole safetensors file: {what}; take another file, it cannot be repaired");
}

/// <param name="Name">The tensor's name.</param>
/// <param name="Facts">Its type and shape.</param>
/// <param name="Begin">Where its values begin, behind the header.</param>
/// <param name="End">Where they end.</param>
internal sealed record SafeTensorsEntry(string Name, TensorFacts Facts, long Begin, long End);
