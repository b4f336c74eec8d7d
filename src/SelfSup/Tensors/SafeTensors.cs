using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
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
    private const long LargestPiece = 1L << 28; // Tensor.bytes is a span: at most 2^31 bytes at a time
    private const long ConvertedPiece = 1L << 20; // values; what is converted is a copy

    /// <summary>Writes tensors in ordinal order of their names, without copying contiguous ones.</summary>
    /// <param name="destination">Where to write; it is not flushed and stays open.</param>
    /// <param name="tensors">Tensors of any shape on any device.</param>
    /// <param name="metadata">Free text beside the tensors.</param>
    /// <param name="floats">What floating-point values are converted to; as they are where it is null. Integers never are.</param>
    /// <exception cref="RecipeException">A value is too large for the type.</exception>
    public static void Write(
        Stream destination,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        ScalarType? floats = null)
    {
        var ordered = tensors.OrderBy(t => t.Key, StringComparer.Ordinal)
            .Select(t => (Name: t.Key, t.Value, Type: t.Value.is_floating_point() && floats is { } type ? type : t.Value.dtype)).ToArray();
        var header = Header([.. ordered.Select(t => (t.Name, new TensorFacts(t.Type, t.Value.shape)))], metadata ?? new Dictionary<string, string>());
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        destination.Write(length);
        destination.Write(header);
        foreach (var (name, tensor, type) in ordered)
        {
            using var scope = NewDisposeScope();
            var flat = tensor.detach().cpu().contiguous().reshape(-1);
            var piece = type == tensor.dtype ? LargestPiece / flat.ElementSize : ConvertedPiece;
            for (long at = 0; at < flat.numel(); at += piece)
            {
                using var inner = NewDisposeScope();
                var part = flat.narrow(0, at, Math.Min(piece, flat.numel() - at));
                destination.Write((type == tensor.dtype ? part : Converted(name, part, type)).bytes);
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
            var header = SafeTensorsHeader.Read(file, path, checksum);
            metadata = header.Metadata;
            return Values(file, header.Entries, header.Start, checksum);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ExternalException)
        {
            throw Unread(path, e);
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
            var header = SafeTensorsHeader.Read(file, path, checksum: null);
            if (header.Entries.FirstOrDefault(e => e.Name == name) is not { Facts: { Shape: [var rows, ..] shape } facts } entry
                || first < 0 || count < 0 || first > rows - count)
            {
                throw new CheckpointException($"{path}: does not hold rows {first} to {first + count - 1} of '{name}'; take another checkpoint");
            }

            var bytesOfOne = rows == 0 ? 0 : (entry.End - entry.Begin) / rows;
            var part = new SafeTensorsEntry(
                name, facts with { Shape = [count, .. shape.Skip(1)] }, entry.Begin + (first * bytesOfOne), entry.Begin + ((first + count) * bytesOfOne));
            return Values(file, [part], header.Start, checksum: null)[name];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ExternalException)
        {
            throw Unread(path, e);
        }
    }

    private static byte[] Header((string Name, TensorFacts Facts)[] tensors, IReadOnlyDictionary<string, string> metadata)
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
            foreach (var (name, facts) in tensors)
            {
                if (!SafeTensorsHeader.Types.TryGetValue(facts.Type, out var type))
                {
                    throw new NotSupportedException($"'{name}' has element type {facts.Type}, which safetensors lacks");
                }

                json.WriteStartObject(name);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (var size in facts.Shape)
                {
                    json.WriteNumberValue(size);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += TensorShape.Bytes(facts.Shape, facts.Type)!.Value;
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

    private static Tensor Converted(string name, Tensor values, ScalarType type)
    {
        var converted = values.to(type);
        return values.isfinite().logical_and(converted.isfinite().logical_not()).any().item<bool>()
            ? throw new RecipeException(
                $"{name}: has values to {values.nan_to_num(0, 0, 0).abs().max().to(float64).item<double>():G4}, more than {type.ToString().ToLowerInvariant()} can hold; "
                + "write bfloat16 or float32")
            : converted;
    }

    private static Dictionary<string, Tensor> Values(SafeFileHandle file, IReadOnlyList<SafeTensorsEntry> entries, long start, XxHash128? checksum)
    {
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            var pieces = new List<FilePiece>();
            using (NewDisposeScope())
            {
                foreach (var entry in entries)
                {
                    var values = empty(entry.Facts.Shape, entry.Facts.Type).DetachFromDisposeScope();
                    tensors.Add(entry.Name, values);
                    pieces.AddRange(FilePiece.AllOf(values, start + entry.Begin));
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

    private static CheckpointException Unread(string path, Exception e) => new($"{path}: cannot be read ({e.Message.Split('\n')[0]})", e);
}
