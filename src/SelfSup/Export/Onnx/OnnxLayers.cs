using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Export.Onnx;

/// <summary>Layers as nodes of a graph. Their weights have the names that they have in the network.</summary>
/// <param name="graph">Where they are added.</param>
/// <param name="encoder">The network that they are of.</param>
/// <param name="type">What is computed in: float32 or float16.</param>
/// <param name="fold">Whether batch normalisation is worked into the weights before it.</param>
internal sealed class OnnxLayers(OnnxGraph graph, Encoder encoder, ScalarType type, bool fold)
{
    private const string Backbone = "backbone.";
    private readonly Dictionary<nn.Module, string> _names = Names(encoder);

    /// <summary>The graph.</summary>
    public OnnxGraph Graph => graph;

    /// <summary>How many normalisations were worked into weights.</summary>
    public int Folded { get; private set; }

    /// <summary>The name of a layer in the network, torchvision's or timm's for the backbone's.</summary>
    public string NameOf(nn.Module layer) => _names[layer];

    /// <summary>A constant that is computed with.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="make">Makes its values.</param>
    public string Constant(string name, IEnumerable<long> shape, Func<Tensor> make) => graph.Constant(name, type, shape, make);

    /// <summary>A number that is computed with.</summary>
    public string Number(string name, double value) => Constant(name, [], () => tensor(value));

    /// <summary>A convolution and its normalisation: [N, I, H, W] to [N, O, H', W'].</summary>
    public string Convolve(NormalisedConvolution layer, string input)
    {
        var (convolution, norm) = layer;
        var name = NameOf(convolution);
        var affine = fold && norm is BatchNorm2d batchNorm ? new Affine(batchNorm) : null;
        Folded += affine is null ? 0 : 1;
        var weight = Constant($"{name}.weight", convolution.weight.shape, () => affine?.Scaled(convolution.weight) ?? convolution.weight);
        string[] inputs = affine is null ? [input, weight] : [input, weight, Constant($"{name}.bias", [affine.Width], affine.Shift)];
        var (kernel, padding) = (convolution.weight.shape[2], convolution.padding![0]);
        var output = Convolve(name, inputs, kernel, convolution.stride![0], padding);
        return affine is null ? Normalise(norm, output) : output;
    }

    /// <summary>A convolution with square filters.</summary>
    public string Convolve(string name, IEnumerable<string> inputs, long kernel, long stride, long padding) => graph.Add(
        "Conv",
        name,
        inputs,
        OnnxGraph.Attribute("kernel_shape", [kernel, kernel]),
        OnnxGraph.Attribute("strides", [stride, stride]),
        OnnxGraph.Attribute("pads", [padding, padding, padding, padding]));

    /// <summary>Layers of a head in turn: [N, I] to [N, O].</summary>
    public string Run(IReadOnlyList<nn.Module<Tensor, Tensor>> layers, string input)
    {
        var x = input;
        for (var i = 0; i < layers.Count; i++)
        {
            switch (layers[i])
            {
                case Linear linear when fold && i + 1 < layers.Count && layers[i + 1] is BatchNorm1d norm:
                    x = Multiply(linear, x, new Affine(norm));
                    Folded++;
                    i++;
                    break;
                case Linear linear:
                    x = Multiply(linear, x);
                    break;
                case BatchNorm1d norm:
                    x = Normalise(norm, x);
                    break;
                case ReLU relu:
                    x = graph.Add("Relu", NameOf(relu), [x]);
                    break;
                case GELU gelu:
                    x = Gelu(NameOf(gelu), x);
                    break;
                case var other:
                    throw new NotSupportedException($"{other.GetType().Name} is no layer of a head");
            }
        }

        return x;
    }

    /// <summary>A linear layer over rows, [N, I] to [N, O], perhaps with the normalisation behind it.</summary>
    public string Multiply(Linear layer, string input, Affine? affine = null)
    {
        var name = NameOf(layer);
        var (weight, bias) = (layer.weight!, layer.bias);
        List<string> inputs = [input, Constant($"{name}.weight", weight.shape, () => affine?.Scaled(weight) ?? weight)];
        if (affine is not null)
        {
            inputs.Add(Constant($"{name}.bias", [affine.Width], () => affine.Shift(bias)));
        }
        else if (bias is not null)
        {
            inputs.Add(Constant($"{name}.bias", bias.shape, () => bias));
        }

        return graph.Add("Gemm", name, inputs, OnnxGraph.Attribute("transB", 1));
    }

    /// <summary>A linear layer over tokens: [N, T, I] to [N, T, O].</summary>
    public string MultiplyTokens(Linear layer, string input)
    {
        var name = NameOf(layer);
        var (weight, bias) = (layer.weight!, layer.bias!);
        var product = graph.Add("MatMul", name, [input, Constant($"{name}.weight", [weight.shape[1], weight.shape[0]], () => weight.t())]);
        return graph.Add("Add", name, [product, Constant($"{name}.bias", bias.shape, () => bias)]);
    }

    /// <summary>Normalisation of each token by itself: [N, T, D] or [N, D].</summary>
    public string Normalise(LayerNorm norm, string input)
    {
        var name = NameOf(norm);
        var (weight, bias) = (norm.weight!, norm.bias!);
        return graph.Add(
            "LayerNormalization",
            name,
            [input, Constant($"{name}.weight", weight.shape, () => weight), Constant($"{name}.bias", bias.shape, () => bias)],
            OnnxGraph.Attribute("axis", -1),
            OnnxGraph.Attribute("epsilon", TransformerBlock.Epsilon));
    }

    /// <summary>x times the normal distribution's probability below x, in the form that ONNX Runtime knows as one operation.</summary>
    public string Gelu(string name, string x)
    {
        var error = graph.Add("Erf", name, [graph.Add("Div", name, [x, Number($"{name}.sqrt2", Math.Sqrt(2))])]);
        var doubled = graph.Add("Mul", name, [x, graph.Add("Add", name, [error, Number($"{name}.one", 1)])]);
        return graph.Add("Mul", name, [doubled, Number($"{name}.half", 0.5)]);
    }

    private string Normalise(nn.Module<Tensor, Tensor> norm, string input) => norm switch
    {
        NormBase batchNorm when type == ScalarType.Float32 => NormaliseBatch(batchNorm, input),
        NormBase batchNorm => ScaleAndShift(batchNorm, input),
        GroupNorm groupNorm => NormaliseGroups(groupNorm, input),
        _ => throw new NotSupportedException($"{norm.GetType().Name} is no normalisation of a network"),
    };

    private string NormaliseBatch(NormBase norm, string input)
    {
        var name = NameOf(norm);
        var (mean, variance) = (norm.running_mean!, norm.running_var!);
        return graph.Add(
            "BatchNormalization",
            name,
            [
                input,
                Constant($"{name}.weight", mean.shape, () => norm.weight ?? ones_like(mean)),
                Constant($"{name}.bias", mean.shape, () => norm.bias ?? zeros_like(mean)),
                Constant($"{name}.running_mean", mean.shape, () => mean),
                Constant($"{name}.running_var", mean.shape, () => variance),
            ],
            OnnxGraph.Attribute("epsilon", norm.eps));
    }

    // A variance may be outside float16's range although what it normalises is not.
    private string ScaleAndShift(NormBase norm, string input)
    {
        var name = NameOf(norm);
        var affine = new Affine(norm);
        long[] shape = norm is BatchNorm2d ? [affine.Width, 1, 1] : [affine.Width];
        var scaled = graph.Add("Mul", name, [input, Constant($"{name}.scale", shape, () => affine.Scale().reshape(shape))]);
        return graph.Add("Add", name, [scaled, Constant($"{name}.shift", shape, () => affine.Shift().reshape(shape))]);
    }

    // ONNX's own operator for groups is younger (opset 21); a group is to InstanceNormalization what a channel is.
    private string NormaliseGroups(GroupNorm norm, string input)
    {
        var name = NameOf(norm);
        var (weight, bias) = (norm.weight!, norm.bias!);
        var shape = graph.Add("Shape", name, [input]);
        // Said in full, as no size can be found out (-1) where there are no images.
        var plane = graph.Add("Shape", name, [input], OnnxGraph.Attribute("start", 2));
        var split = graph.Add(
            "Concat", name, [graph.Numbers($"{name}.groups", 0, norm.num_groups, weight.shape[0] / norm.num_groups), plane], OnnxGraph.Attribute("axis", 0));
        var groups = graph.Add("Reshape", name, [input, split]);
        var normal = graph.Add(
            "InstanceNormalization",
            name,
            [groups, Constant($"{name}.ones", [norm.num_groups], () => ones(norm.num_groups)), Constant($"{name}.zeros", [norm.num_groups], () => zeros(norm.num_groups))],
            OnnxGraph.Attribute("epsilon", norm.eps));
        var back = graph.Add("Reshape", name, [normal, shape]);
        long[] channels = [weight.shape[0], 1, 1];
        var scaled = graph.Add("Mul", name, [back, Constant($"{name}.weight", channels, () => weight.reshape(channels))]);
        return graph.Add("Add", name, [scaled, Constant($"{name}.bias", channels, () => bias.reshape(channels))]);
    }

    // A module may have a second name: that of the field that holds it.
    private static Dictionary<nn.Module, string> Names(Encoder encoder)
    {
        var names = new Dictionary<nn.Module, string>(ReferenceEqualityComparer.Instance);
        foreach (var (name, module) in encoder.named_modules().Where(module => !BackboneFile.IsDouble(module.name)))
        {
            names.TryAdd(module, name.StartsWith(Backbone, StringComparison.Ordinal) ? name[Backbone.Length..] : name);
        }

        return names;
    }
}
