using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text.Json;

using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// The safetensors file format (https://github.com/huggingface/safetensors): eight bytes of header length, a JSON header,
/// the tensors' values row-major and little-endian. Checkpoints and exports are such files, so any tool of the field
/// opens them. Reading trusts nothing: every malformed header is refused with a <see cref="CheckpointException"/>.
/// </summary>
internal static class SafeTensors
{
    private const int LongestHeader = 100_000_000; // the limit of the reference implementation
    private const long LargestPiece = 1L << 28; // Tensor.bytes is a span: at most 2^31 bytes at a time

    private static readonly Dictionary<ScalarType, (string Name, int Size)> _types = new()
    {
        [ScalarType.Float64] = ("F64", 8),
        [ScalarType.Float32] = ("F32", 4),
        [ScalarType.Float16] = ("F16", 2),
        [ScalarType.BFloat16] = ("BF16", 2),
        [ScalarType.Int64] = ("I64", 8),
        [ScalarType.Int32] = ("I32", 4),
        [ScalarType.Int16] = ("I16", 2),
        [ScalarType.Int8] = ("I8", 1),
        [ScalarType.Byte] = ("U8", 1),
        [ScalarType.Bool] = ("BOOL", 1),
    };

    /// <summary>Writes tensors in ordinal order of their names, without copying contiguous ones.</summary>
    /// <param name="destination">Where to write; it is not flushed and stays open.</param>
    /// <param name="tensors">Tensors of any shape on any device.</param>
    /// <param name="metadata">Free text beside the tensors.</param>
    public static void Write(
        Stream destination,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(t => t.Key, StringComparer.Ordinal).ToArray();
        var header = Header(ordered, metadata ?? new Dictionary<string, string>());
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        destination.Write(length);
        destination.Write(header);
        foreach (var (_, tensor) in ordered)
        {
            using var scope = NewDisposeScope();
            var flat = tensor.detach().cpu().contiguous().reshape(-1);
            var piece = LargestPiece / _types[tensor.dtype].Size;
            for (long at = 0; at < flat.numel(); at += piece)
            {
                destination.Write(flat.narrow(0, at, Math.Min(piece, flat.numel() - at)).bytes);
            }
        }
    }

    /// <summary>Reads every tensor of a file, onto the CPU. The caller owns them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Its free text.</param>
    /// <param name="checksum">Is given every byte of the file on the way, or null.</param>
    /// <exception cref="CheckpointException">The file is missing or is not a well-formed safetensors file.</exception>
    public static Dictionary<string, Tensor> Read(
        string path, out IReadOnlyDictionary<string, string> metadata, XxHash128? checksum = null)
    {
        try
        {
            using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var (entries, start) = Entries(file, path, checksum, out metadata);
            return Values(file, entries, start, checksum);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be read ({e.Message})", e);
        }
    }

    /// <summary>Reads some rows of one tensor of a file, onto the CPU. The caller owns them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="first">The first row.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="CheckpointException">The file is missing or not a well-formed safetensors file, or does not hold them.</exception>
    public static Tensor ReadRows(string path, string name, long first, long count)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var (entries, start) = Entries(file, path, checksum: null, out _);
            if (entries.Find(e => e.Name == name) is not { Shape: [var rows, ..] shape } entry || first < 0 || count < 0 || first > rows - count)
            {
                throw new CheckpointException($"{path}: does not hold rows {first} to {first + count - 1} of '{name}'; take another checkpoint");
            }

            var bytesOfOne = rows == 0 ? 0 : (entry.End - entry.Begin) / rows;
            var part = new Entry(name, entry.Type, [count, .. shape.Skip(1)], entry.Begin + (first * bytesOfOne), entry.Begin + ((first + count) * bytesOfOne));
            return Values(file, [part], start, checksum: null)[name];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: cannot be read ({e.Message})", e);
        }
    }

    private static byte[] Header(
        KeyValuePair<string, Tensor>[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var (name, tensor) in tensors)
            {
                if (!_types.TryGetValue(tensor.dtype, out var type))
                {
                    throw new NotSupportedException($"'{name}' has element type {tensor.dtype}, which safetensors lacks");
                }

                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                json.WriteStartArray("shape");
                foreach (var size in tensor.shape)
                {
                    json.WriteNumberValue(size);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.numel() * type.Size;
                json.WriteNumberValue(offset);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) // aligns the values; the format allows trailing spaces
        {
            buffer.WriteByte((byte)' ');
        }

        return buffer.ToArray();
    }

    private static (List<Entry> Entries, long Start) Entries(
        SafeFileHandle file, string path, XxHash128? checksum, out IReadOnlyDictionary<string, string> metadata)
    {
        var length = RandomAccess.GetLength(file);
        var prefix = new byte[8];
        if (length < 8 || RandomAccess.Read(file, prefix, 0) < 8)
        {
            throw Malformed(path, "it is shorter than 8 bytes");
        }

        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > LongestHeader || headerLength > (ulong)(length - 8))
        {
            throw Malformed(path, $"its header claims {headerLength.ToString(CultureInfo.InvariantCulture)} bytes");
        }

        var header = new byte[headerLength];
        for (var read = 0; read < header.Length;)
        {
            var count = RandomAccess.Read(file, header.AsSpan(read), 8 + read);
            read += count > 0 ? count : throw Malformed(path, "its header ends early");
        }

        checksum?.Append(prefix);
        checksum?.Append(header);

        var entries = new List<Entry>();
        metadata = new Dictionary<string, string>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                {
                    metadata = property.Value.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString() ?? "");
                }
                else
                {
                    entries.Add(ReadEntry(property, path));
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Malformed(path, $"its header is not what the format asks for ({e.Message})");
        }

        long end = 0;
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        foreach (var entry in entries)
        {
            if (entry.Begin != end)
            {
                throw Malformed(path, $"'{entry.Name}' starts at {entry.Begin}, the values before it end at {end}");
            }

            end = entry.End;
        }

        var start = 8 + (long)headerLength;
        return end == length - start
            ? (entries, start)
            : throw Malformed(path, $"the header describes {end} bytes of values, the file holds {length - start}");
    }

    private static Entry ReadEntry(JsonProperty property, string path)
    {
        var typeName = property.Value.GetProperty("dtype").GetString();
        var type = _types.FirstOrDefault(t => t.Value.Name == typeName);
        if (type.Value.Name is null)
        {
            throw Malformed(path, $"'{property.Name}' has element type '{typeName}', which is not supported");
        }

        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt64()).ToArray();
        if (offsets is not [>= 0, var end] || end < offsets[0] || shape.Any(s => s < 0)
            || !Product(shape, type.Value.Size, out var bytes) || bytes != end - offsets[0])
        {
            throw Malformed(
                path,
                $"'{property.Name}' has shape [{string.Join(", ", shape)}] and offsets [{string.Join(", ", offsets)}], " +
                "which do not agree");
        }

        return new Entry(property.Name, type.Key, shape, offsets[0], offsets[1]);
    }

    private static bool Product(long[] shape, long elementSize, out long bytes)
    {
        bytes = elementSize;
        foreach (var size in shape)
        {
            if (size != 0 && bytes > long.MaxValue / size)
            {
                return false;
            }

            bytes *= size;
        }

        return true;
    }

    private static Dictionary<string, Tensor> Values(SafeFileHandle file, List<Entry> entries, long start, XxHash128? checksum)
    {
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            var pieces = new List<FilePiece>();
            using (NewDisposeScope())
            {
                foreach (var entry in entries)
                {
                    var values = empty(entry.Shape, entry.Type).DetachFromDisposeScope();
                    tensors.Add(entry.Name, values);
                    pieces.AddRange(Pieces(values, start + entry.Begin));
                }

                ParallelFileReader.Read(file, pieces, checksum);
            }
        }
        catch
        {
            foreach (var tensor in tensors.Values)
            {
                tensor.Dispose();
            }

            throw;
        }

        return tensors;
    }

    private static IEnumerable<FilePiece> Pieces(Tensor values, long at)
    {
        var flat = values.reshape(-1);
        var piece = ParallelFileReader.Piece / _types[values.dtype].Size;
        for (long first = 0; first < flat.numel(); first += piece)
        {
            var part = FilePiece.Of(flat.narrow(0, first, Math.Min(piece, flat.numel() - first)).bytes, at);
            at += part.Length;
            yield return part;
        }
    }

    private static CheckpointException Malformed(string path, string what) =>
        new($"{path}: not a whole safetensors file: {what}; take another file, it cannot be repaired");

    private sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin, long End);
}
