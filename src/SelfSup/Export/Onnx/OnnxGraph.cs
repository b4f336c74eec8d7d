using Google.Protobuf.Collections;

using Onnx;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>A graph that grows node by node. Values are known by their names, which it makes.</summary>
internal sealed class OnnxGraph
{
    private readonly GraphProto _graph = new() { Name = "selfsup" };
    private readonly List<OnnxWeight> _weights = [];
    private readonly HashSet<string> _names = [];

    /// <summary>The graph without its constants.</summary>
    public GraphProto Proto => _graph;

    /// <summary>Its constants.</summary>
    public IReadOnlyList<OnnxWeight> Weights => _weights;

    /// <summary>Adds an input.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Type of its values.</param>
    /// <param name="about">What it is, for people.</param>
    /// <param name="sizes">Its shape behind the number of images.</param>
    public string Input(string name, ScalarType type, string about, params IEnumerable<long> sizes)
    {
        _graph.Input.Add(Info(Unique(name), type, about, sizes));
        return name;
    }

    /// <summary>Makes a value of the graph one of its results.</summary>
    /// <param name="value">The value; it gets the name.</param>
    /// <param name="name">Its name.</param>
    /// <param name="about">What it is, for people.</param>
    /// <param name="width">Its shape behind the number of images.</param>
    public string Output(string value, string name, string about, long width)
    {
        _graph.Output.Add(Info(Unique(name), ScalarType.Float32, about, [width]));
        foreach (var node in _graph.Node)
        {
            Rename(node.Input, value, name);
            Rename(node.Output, value, name);
        }

        return name;
    }

    /// <summary>Adds a node.</summary>
    /// <param name="operation">The name of an ONNX operator.</param>
    /// <param name="name">What of the network it is of.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="attributes">The operator's attributes.</param>
    /// <returns>The name of its result.</returns>
    public string Add(string operation, string name, IEnumerable<string> inputs, params IEnumerable<AttributeProto> attributes) =>
        Add(operation, name, inputs, results: 1, attributes)[0];

    /// <summary>Adds a node with several results.</summary>
    public string[] Add(
        string operation, string name, IEnumerable<string> inputs, int results, params IEnumerable<AttributeProto> attributes)
    {
        var unique = Unique(name.Length == 0 ? operation : $"{name}/{operation}");
        string[] outputs = results == 1 ? [unique] : [.. Enumerable.Range(0, results).Select(i => Unique($"{unique}.{i}"))];
        var node = new NodeProto { OpType = operation, Name = unique };
        node.Input.Add(inputs);
        node.Output.Add(outputs);
        node.Attribute.Add(attributes);
        _graph.Node.Add(node);
        return outputs;
    }

    /// <summary>Adds a constant whose values are made when it is written.</summary>
    /// <param name="name">Its name, as it is in the network; another one where it is taken.</param>
    /// <param name="type">The type of its values in the file.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="make">Makes its values.</param>
    public string Constant(string name, ScalarType type, IEnumerable<long> shape, Func<Tensor> make)
    {
        var unique = Unique(name);
        _weights.Add(new OnnxWeight(unique, type, [.. shape], make));
        return unique;
    }

    /// <summary>Adds whole numbers: a shape, axes, or the like.</summary>
    public string Numbers(string name, params long[] values) =>
        Constant(name, ScalarType.Int64, [values.Length], () => tensor(values));

    /// <summary>An attribute that is a whole number.</summary>
    public static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    /// <summary>An attribute that is a number.</summary>
    public static AttributeProto Attribute(string name, double value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = (float)value };

    /// <summary>An attribute that is a list of whole numbers.</summary>
    public static AttributeProto Attribute(string name, params IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.Add(values);
        return attribute;
    }

    /// <summary>The number of a type in ONNX.</summary>
    public static int Number(ScalarType type) => (int)(type switch
    {
        ScalarType.Float32 => TensorProto.Types.DataType.Float,
        ScalarType.Float16 => TensorProto.Types.DataType.Float16,
        ScalarType.Int64 => TensorProto.Types.DataType.Int64,
        ScalarType.Byte => TensorProto.Types.DataType.Uint8,
        _ => throw new NotSupportedException($"{type} is no type of an exported network"),
    });

    private static void Rename(RepeatedField<string> names, string from, string to)
    {
        for (var i = 0; i < names.Count; i++)
        {
            names[i] = names[i] == from ? to : names[i];
        }
    }

    private static ValueInfoProto Info(string name, ScalarType type, string about, IEnumerable<long> sizes)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "N" });
        shape.Dim.Add(sizes.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
        return new ValueInfoProto
        {
            Name = name,
            DocString = about,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = Number(type), Shape = shape } },
        };
    }

    private string Unique(string name)
    {
        var unique = name;
        for (var i = 2; !_names.Add(unique); i++)
        {
            unique = $"{name}.{i}";
        }

        return unique;
    }
}
