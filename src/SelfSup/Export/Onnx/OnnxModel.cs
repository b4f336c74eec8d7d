using Google.Protobuf;

using Onnx;

namespace SelfSup.Export.Onnx;

/// <summary>
/// A network as ONNX has it (https://onnx.ai/onnx/repo-docs/IR.html). The weights are written one by one behind the rest of the
/// message: protobuf lets the fields of a message come in any order, so nothing of them is held a second time.
/// </summary>
/// <param name="header">The model without its graph.</param>
/// <param name="graph">The graph.</param>
/// <param name="largestFile">Bytes of weights that it may hold.</param>
internal sealed class OnnxModel(ModelProto header, OnnxGraph graph, long largestFile = OnnxModel.LargestFile)
{
    /// <summary>What readers of protobuf take in one piece: two gigabytes, and a little room for the graph.</summary>
    public const long LargestFile = int.MaxValue - (64L << 20);

    // Whole pages, so that the file can be mapped into memory.
    private const long Alignment = 4096;

    // Shapes and the like must be at hand when a model is loaded; what is no longer than this stays in it.
    private const long ShortWeight = 1024;

    /// <summary>Bytes of all weights.</summary>
    public long WeightBytes => graph.Weights.Sum(weight => weight.Length);

    /// <summary>Whether the weights are too many for one file, so that they need one of their own beside it.</summary>
    public bool NeedsWeightsFile => WeightBytes > largestFile;

    /// <summary>Writes it to a place, and weights that no reader of protobuf takes in one piece into a file beside it, <c>NAME.onnx.data</c>.</summary>
    /// <param name="path">The place.</param>
    /// <param name="write">Writes a file of a name by what writes its content, and puts it in its place when that has returned.</param>
    public void Write(string path, Action<string, Action<Stream>> write)
    {
        if (!NeedsWeightsFile)
        {
            write(path, Write);
            return;
        }

        // One is put in its place right after the other: an earlier model must not be left with the weights of this one.
        var weights = path + ".data";
        write(path, stream =>
        {
            Write(stream, Path.GetFileName(weights));
            stream.Flush();
            write(weights, WriteWeights);
        });
    }

    /// <summary>Writes all of it into one file.</summary>
    /// <param name="destination">Where to; it stays open.</param>
    public void Write(Stream destination) => Write(destination, weight => new TensorProto());

    /// <summary>Writes it with its weights in a file of their own (<see cref="WriteWeights"/>).</summary>
    /// <param name="destination">Where to; it stays open.</param>
    /// <param name="weightsFile">The name of that file, which must lie in the same folder.</param>
    public void Write(Stream destination, string weightsFile)
    {
        var places = Places().ToDictionary(place => place.Weight.Name, place => place.Offset);
        Write(destination, weight =>
        {
            var proto = new TensorProto();
            if (places.TryGetValue(weight.Name, out var offset))
            {
                proto.DataLocation = TensorProto.Types.DataLocation.External;
                proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = weightsFile });
                proto.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{offset}" });
                proto.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = $"{weight.Length}" });
            }

            return proto;
        });
    }

    /// <summary>Writes the weights alone.</summary>
    public void WriteWeights(Stream destination)
    {
        long at = 0;
        foreach (var (weight, offset) in Places())
        {
            destination.Write(new byte[offset - at]);
            weight.Write(destination);
            at = offset + weight.Length;
        }
    }

    private IEnumerable<(OnnxWeight Weight, long Offset)> Places()
    {
        long at = 0;
        foreach (var weight in graph.Weights.Where(weight => weight.Length > ShortWeight))
        {
            yield return (weight, at);
            at = (at + weight.Length + Alignment - 1) / Alignment * Alignment;
        }
    }

    private void Write(Stream destination, Func<OnnxWeight, TensorProto> start)
    {
        var weights = graph.Weights.Select(weight => Described(weight, start(weight))).ToArray();
        var output = new CodedOutputStream(destination, leaveOpen: true);
        header.WriteTo(output);
        output.WriteTag(ModelProto.GraphFieldNumber, WireFormat.WireType.LengthDelimited);
        output.WriteUInt64((ulong)(graph.Proto.CalculateSize() + weights.Sum(weight => Field(GraphProto.InitializerFieldNumber, weight.Length))));
        graph.Proto.WriteTo(output);
        foreach (var (weight, proto, length) in weights)
        {
            output.WriteTag(GraphProto.InitializerFieldNumber, WireFormat.WireType.LengthDelimited);
            output.WriteUInt64((ulong)length);
            proto.WriteTo(output);
            if (IsInside(proto))
            {
                output.WriteTag(TensorProto.RawDataFieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteUInt64((ulong)weight.Length);
                output.Flush();
                weight.Write(destination);
            }
        }

        output.Flush();
    }

    private static (OnnxWeight Weight, TensorProto Proto, long Length) Described(OnnxWeight weight, TensorProto proto)
    {
        proto.Name = weight.Name;
        proto.DataType = OnnxGraph.Number(weight.Type);
        proto.Dims.Add(weight.Shape);
        return (weight, proto, proto.CalculateSize() + (IsInside(proto) ? Field(TensorProto.RawDataFieldNumber, weight.Length) : 0));
    }

    private static bool IsInside(TensorProto proto) => proto.DataLocation == TensorProto.Types.DataLocation.Default;

    /// <summary>Bytes of a field of so many bytes, its number and length included.</summary>
    private static long Field(int number, long length) =>
        CodedOutputStream.ComputeTagSize(number) + CodedOutputStream.ComputeUInt64Size((ulong)length) + length;
}
