using System.ComponentModel.DataAnnotations;
using System.Globalization;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A multi-layer perceptron from features to embeddings: linear layers with, between them, optional batch normalisation
/// and ReLU. One class for the heads of the whole family; parameters are named <c>layers.0.weight</c> and so on.
/// </summary>
public sealed class ProjectionHead : nn.Module<Tensor, Tensor>
{
    private readonly List<nn.Module<Tensor, Tensor>> _layers = [];

    /// <summary>Makes one with random weights.</summary>
    /// <param name="options">Depth, widths and normalisation.</param>
    /// <param name="inputs">F, the width of the features.</param>
    public ProjectionHead(HeadOptions options, long inputs)
        : base(nameof(ProjectionHead))
    {
        var width = inputs;
        for (var i = 0; i < options.Layers; i++)
        {
            var last = i == options.Layers - 1;
            var normalise = options.BatchNorm == HeadNorm.All || (options.BatchNorm == HeadNorm.Hidden && !last);
            var outputs = last ? options.Output : options.Hidden ?? inputs;
            // A bias in front of a batch normalisation has no effect: its mean takes it out again.
            var bias = (last ? options.OutputBias : options.HiddenBias) ?? !normalise;
            _layers.Add(nn.Linear(width, outputs, hasBias: bias));
            if (normalise)
            {
                _layers.Add(nn.BatchNorm1d(outputs, affine: !last || options.OutputAffine));
            }

            if (!last)
            {
                _layers.Add(options.Activation == HeadActivation.Relu ? nn.ReLU() : nn.GELU());
            }

            width = outputs;
        }

        register_module("layers", nn.Sequential(_layers.ToArray()));
    }

    /// <summary>Features to projections, not normalised: [N, F] to [N, D].</summary>
    public override Tensor forward(Tensor input) => Run(input, _layers.Count);

    /// <summary>What the first linear layers make of features, with what normalises and activates them.</summary>
    /// <param name="features">[N, F].</param>
    /// <param name="linearLayers">How many, fewer than all.</param>
    internal Tensor First(Tensor features, int linearLayers) => Run(features, End(linearLayers));

    /// <summary>The layers of the first linear layers and of what follows each, and those that come after them.</summary>
    /// <param name="linearLayers">How many, fewer than all.</param>
    internal (IReadOnlyList<nn.Module<Tensor, Tensor>> First, IReadOnlyList<nn.Module<Tensor, Tensor>> Last) Split(int linearLayers) =>
        ([.. _layers[..End(linearLayers)]], [.. _layers[End(linearLayers)..]]);

    /// <summary>Parameters and buffers of the first linear layers and of what follows each.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> StateOfFirst(int linearLayers)
    {
        var end = End(linearLayers);
        return state_dict().Where(entry => int.Parse(entry.Key.Split('.')[1], CultureInfo.InvariantCulture) < end);
    }

    /// <summary>Where the linear layer behind so many begins.</summary>
    private int End(int linearLayers) => _layers.Index().Where(layer => layer.Item is Linear).ElementAt(linearLayers).Index;

    private Tensor Run(Tensor input, int end)
    {
        using var scope = NewDisposeScope();
        var x = input.alias();
        for (var i = 0; i < end; i++)
        {
            switch (_layers[i])
            {
                case Linear linear:
                    x = Layers.Multiply(linear, x);
                    break;
                case BatchNorm1d norm:
                    var rectify = i + 1 < end && _layers[i + 1] is ReLU;
                    x = BatchNormalisation.Apply(norm, x, rectify: rectify);
                    i += rectify ? 1 : 0;
                    break;
                default:
                    x = _layers[i].call(x);
                    break;
            }
        }

        return x.MoveToOuterDisposeScope();
    }
}

/// <summary>The <c>encoder.head</c> section.</summary>
public sealed class HeadOptions : IValidatableObject
{
    /// <summary>How many linear layers; 1 is a linear head, 2 is SimCLR's.</summary>
    [Range(1, 8)]
    public int Layers { get; set; } = 2;

    /// <summary>Width of the hidden layers; the width of the features where it is left out.</summary>
    [Range(1, 65536)]
    public int? Hidden { get; set; }

    /// <summary>D, the width of the embeddings.</summary>
    [Range(1, 65536)]
    public int Output { get; set; } = 128;

    /// <summary>Where batch normalisation follows a linear layer.</summary>
    public HeadNorm BatchNorm { get; set; } = HeadNorm.Hidden;

    /// <summary>Whether hidden linear layers have a bias; by default those without batch normalisation do.</summary>
    public bool? HiddenBias { get; set; }

    /// <summary>Whether the last linear layer has a bias; by default it does without batch normalisation.</summary>
    public bool? OutputBias { get; set; }

    /// <summary>Whether the last batch normalisation learns a scale and a shift; SimSiam's and Barlow Twins' do not.</summary>
    public bool OutputAffine { get; set; } = true;

    /// <summary>What stands between linear layers.</summary>
    public HeadActivation Activation { get; set; } = HeadActivation.Relu;

    /// <summary>
    /// Hidden layers that stay on the backbone when it is judged and exported: SimCLR v2 fine-tunes from the first of three
    /// (Chen et al. 2020, https://arxiv.org/abs/2006.10029, section 2).
    /// </summary>
    [Range(0, 7)]
    public int Kept { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Kept >= Layers)
        {
            yield return new($"must be less than layers ({Layers}), is {Kept}; the last layer makes embeddings, not features", [nameof(Kept)]);
        }

        if (!OutputAffine && BatchNorm != HeadNorm.All)
        {
            yield return new("has no effect without batchNorm: all; leave it out", [nameof(OutputAffine)]);
        }

        if (Layers == 1 && (Hidden is not null || HiddenBias is not null))
        {
            yield return new(
                "a head of one layer has no hidden ones; leave it out", [Hidden is null ? nameof(HiddenBias) : nameof(Hidden)]);
        }
    }
}

/// <summary>What stands between the linear layers of a head.</summary>
public enum HeadActivation
{
    /// <summary>max(0, x).</summary>
    Relu,

    /// <summary>x times the normal distribution's probability below x (Hendrycks and Gimpel 2016); DINO's.</summary>
    Gelu,
}

/// <summary>Where a head normalises over the batch.</summary>
public enum HeadNorm
{
    /// <summary>Nowhere (MoCo v2).</summary>
    None,

    /// <summary>After every linear layer but the last (BYOL).</summary>
    Hidden,

    /// <summary>After every linear layer (SimCLR's and SimSiam's code).</summary>
    All,
}
