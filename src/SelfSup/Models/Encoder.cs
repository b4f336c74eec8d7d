using SelfSup.Checkpoints;
using SelfSup.Optimization;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// A backbone and a projection head: images in, unit-length embeddings out. A method may add parts of its own, such as a
/// predictor or prototypes: they learn with it, and share its parameters' one buffer.
/// </summary>
public sealed class Encoder : nn.Module, IStateful
{
    private const string BackbonePrefix = "backbone.";
    private readonly nn.Module<Tensor, Tensor> _backbone;
    private readonly nn.Module<Tensor, Tensor> _head;
    private readonly Dictionary<string, nn.Module<Tensor, Tensor>> _parts = [];
    private readonly int _kept;
    private nn.Module[] _constants = []; // modules of which nothing learns

    /// <summary>Puts them together and flattens their parameters. Backbone and head must be on their device already.</summary>
    /// <param name="backbone">Images to features.</param>
    /// <param name="head">Features to projections.</param>
    /// <param name="widths">Of features and projections.</param>
    /// <param name="parts">What a method adds, or null.</param>
    /// <param name="channelsLast">How filters lie in memory.</param>
    /// <param name="kept">Hidden layers of the head that stay on the backbone when it is judged or exported.</param>
    internal Encoder(
        nn.Module<Tensor, Tensor> backbone,
        nn.Module<Tensor, Tensor> head,
        EncoderWidths widths,
        EncoderParts? parts = null,
        bool channelsLast = false,
        int kept = 0)
        : base(nameof(Encoder))
    {
        (_backbone, _head, Widths, _kept) = (backbone, head, widths, kept);
        register_module("backbone", backbone);
        register_module("head", head);
        foreach (var (name, part) in parts?.Invoke(widths) ?? [])
        {
            var like = head.parameters().First();
            _parts.Add(name, part.to(like.device, like.dtype));
            register_module(name, part);
        }

        Parameters = new FlatParameters(this, channelsLast);
    }

    /// <summary>All values and gradients, flat.</summary>
    public FlatParameters Parameters { get; }

    /// <summary>F and D.</summary>
    public EncoderWidths Widths { get; }

    /// <summary>Values of backbone and head, what a key encoder has too: all but those of a method's parts.</summary>
    public long SharedLength => Parameters.Values.numel() - _parts.Values.Sum(part => part.parameters().Sum(p => p.numel()));

    /// <summary>
    /// What is judged and exported, by name: the backbone under its own names and, where layers of the head stay on it, those
    /// as <c>head.layers...</c>.
    /// </summary>
    internal IReadOnlyDictionary<string, Tensor> Backbone
    {
        get
        {
            var state = StateOf(_backbone).ToDictionary();
            if (_kept > 0)
            {
                foreach (var (name, value) in ((ProjectionHead)_head).StateOfFirst(_kept))
                {
                    state.Add($"head.{name}", value);
                }
            }

            return state;
        }
    }

    /// <summary>Images to features, before the layers of the head that stay on it.</summary>
    internal nn.Module<Tensor, Tensor> Network => _backbone;

    /// <summary>The head's layers that stay on the backbone, and those that make embeddings of what they give.</summary>
    internal (IReadOnlyList<nn.Module<Tensor, Tensor>> Kept, IReadOnlyList<nn.Module<Tensor, Tensor>> Last) Head =>
        _head is ProjectionHead head ? head.Split(_kept) : ([], [_head]);

    /// <summary>Parameters and buffers by name, each as good as in the order in which it is used; those of a module before its parts'.</summary>
    internal IEnumerable<(string Name, Tensor Value)> State => StateOf(this);

    /// <summary>Builds the encoder of a recipe.</summary>
    /// <param name="options">The <c>encoder</c> section, validated.</param>
    /// <param name="seed">Initial weights are a function of it.</param>
    /// <param name="compute">Where the weights live, and how.</param>
    /// <param name="parts">What a method adds, or null.</param>
    internal static Encoder Create(EncoderOptions options, ulong seed, Compute compute, EncoderParts? parts = null)
    {
        // Initialisation is the one place that draws from the default generator, so it is seeded right here. What a method
        // adds comes last: backbone and head begin alike with and without it.
        _ = random.manual_seed(unchecked((long)seed));
        var (backbone, features) = NewBackbone(options, compute.RecomputesActivations);
        var head = new ProjectionHead(options.Head, features);
        return new Encoder(
            backbone.to(compute.Device),
            head.to(compute.Device),
            new EncoderWidths(features, options.Head.Output) { Judged = options.Head.Kept == 0 ? features : options.Head.Hidden ?? features },
            parts,
            compute.ChannelsLast,
            options.Head.Kept);
    }

    /// <summary>Whether a parameter, by its name, is of something that a method added.</summary>
    internal bool IsOfPart(string parameter) => _parts.ContainsKey(parameter.Split('.')[0]);

    /// <summary>Whether a method added something under a name.</summary>
    internal bool HasPart(string name) => _parts.ContainsKey(name);

    /// <summary>What a method added under a name.</summary>
    public nn.Module<Tensor, Tensor> Part(string name) => _parts[name];

    /// <summary>What a method added under a name, as what it is.</summary>
    public T Part<T>(string name)
        where T : nn.Module<Tensor, Tensor> => (T)_parts[name];

    /// <summary>What evaluation and export use: the backbone's features, or those of the first layers of the head.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, F], or as wide as <see cref="EncoderWidths.Judged"/> says; float32 also where the network computes in bfloat16.</returns>
    public Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        var features = _backbone.call(images);
        return Full(_kept == 0 ? features : ((ProjectionHead)_head).First(features, _kept)).MoveToOuterDisposeScope();
    }

    /// <summary>Features of the backbone alone, for methods that put parts of their own upon it.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, F].</returns>
    public Tensor Represent(Tensor images) => _backbone.call(images);

    /// <summary>What the head makes of the features, of any length, for losses that need the length.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, D]; float32 also where the network computes in bfloat16.</returns>
    public Tensor Project(Tensor images)
    {
        using var scope = NewDisposeScope();
        return ProjectFeatures(_backbone.call(images)).MoveToOuterDisposeScope();
    }

    /// <summary>What the head makes of features, <see cref="Project"/> without the backbone.</summary>
    /// <param name="features">[N, F].</param>
    /// <returns>[N, D].</returns>
    public Tensor ProjectFeatures(Tensor features)
    {
        using var scope = NewDisposeScope();
        return Full(_head.call(StageMark.At(_head, features))).MoveToOuterDisposeScope();
    }

    /// <summary>Unit-length embeddings, what losses and negative stores use.</summary>
    /// <param name="images">[N, 3, H, W].</param>
    /// <returns>[N, D].</returns>
    public Tensor Embed(Tensor images)
    {
        using var scope = NewDisposeScope();
        return Unit(Project(images)).MoveToOuterDisposeScope();
    }

    /// <summary>Rows of unit length, float32 also of bfloat16: the one way to normalise embeddings.</summary>
    /// <param name="rows">[N, D].</param>
    public static Tensor Unit(Tensor rows)
    {
        using var scope = NewDisposeScope();
        return nn.functional.normalize(Full(rows), dim: 1).MoveToOuterDisposeScope();
    }

    /// <summary>The backbone's stages in the order in which they are used; none where it does not say.</summary>
    internal IReadOnlyList<BackboneStage> Stages =>
        [.. ((_backbone as IStaged)?.Stages ?? []).Select(stage => stage with { Parts = [.. stage.Parts.Select(part => BackbonePrefix + part)] })];

    /// <summary>Whether a parameter, by its name, is of what is judged and exported: the backbone, or a layer of the head that stays on it.</summary>
    internal bool IsOfBackbone(string parameter) =>
        parameter.StartsWith(BackbonePrefix, StringComparison.Ordinal) || (_kept > 0 && Backbone.ContainsKey(parameter));

    /// <summary>
    /// How fast each parameter learns, in units of the learning rate; of optimizers, those that are made from now on know it. Modules
    /// of which nothing learns normalise by their running statistics from then on.
    /// </summary>
    internal void SetRates(Func<string, double> rateOf)
    {
        Parameters.SetRates(rateOf);
        _constants = [.. modules().Where(module => module != this && module.parameters().Any() && module.parameters().All(p => !p.requires_grad))];
        train(training);
    }

    /// <summary>Lets as much learn as in another encoder of the same architecture, whose statistics it shares where nothing learns.</summary>
    internal void LearnAs(Encoder other)
    {
        var rates = other.Parameters.Segments.ToDictionary(segment => segment.Name, segment => segment.Rate);
        SetRates(name => rates[name]);
        var theirs = other.named_buffers().ToDictionary(buffer => buffer.name, buffer => buffer.buffer);
        foreach (var (name, buffer) in named_buffers().Where(buffer => !Statistics.Contains(buffer.buffer)))
        {
            buffer.set_(theirs[name]);
        }
    }

    /// <summary>Normalises by running statistics where another encoder does because nothing learns there.</summary>
    internal void HoldAs(Encoder other)
    {
        var held = other.named_modules().Where(module => other._constants.Contains(module.module)).Select(module => module.name).ToHashSet();
        _constants = [.. named_modules().Where(module => held.Contains(module.name)).Select(module => module.module)];
        train(training);
    }

    /// <summary>Buffers that change in training: not those of modules of which nothing learns.</summary>
    internal IReadOnlyCollection<Tensor> Statistics
    {
        get
        {
            var constant = _constants.SelectMany(module => module.named_buffers().Select(buffer => buffer.buffer)).ToHashSet(ReferenceEqualityComparer.Instance);
            return [.. buffers().Where(buffer => !constant.Contains(buffer))];
        }
    }

    /// <inheritdoc/>
    public override void train(bool train = true)
    {
        base.train(train);
        Array.ForEach(_constants, module => module.eval());
    }

    /// <summary>Makes it a constant, as a key encoder is: no gradients, and no memory for them.</summary>
    internal void Freeze()
    {
        foreach (var parameter in parameters())
        {
            parameter.requires_grad = false;
        }

        Parameters.DropGradients();
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("parameters", Parameters);
        foreach (var (name, buffer) in named_buffers())
        {
            archive.Tensor(name, buffer);
        }
    }

    // Not state_dict: TorchSharp's has what a field holds twice, the second time under the field's name.
    private static IEnumerable<(string Name, Tensor Value)> StateOf(nn.Module module) =>
        module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Concat(module.named_buffers());

    private static (nn.Module<Tensor, Tensor> Backbone, long Features) NewBackbone(EncoderOptions options, bool recompute)
    {
        if (options.Vit is { } vit)
        {
            var transformer = new VisionTransformer(VisionTransformerArchitecture.Find(options.Backbone, vit), vit, recompute);
            return (transformer, transformer.FeatureWidth);
        }

        var network = new ResNet(
            ResNetArchitecture.Find(options.Backbone, options.Width),
            options.ActualStem,
            options.ZeroInitResidual,
            options.Norm,
            recompute);
        return (network, network.FeatureWidth);
    }

    private static Tensor Full(Tensor tensor) => tensor.dtype == ScalarType.BFloat16 ? tensor.to(float32) : tensor.alias();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Parameters.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>How wide what an encoder makes is.</summary>
/// <param name="Features">F, the width of the backbone's features.</param>
/// <param name="Embedding">D, the width of the head's output.</param>
public sealed record EncoderWidths(long Features, long Embedding)
{
    /// <summary>The width of what is judged and exported: F, or that of the last layer of the head that stays on the backbone.</summary>
    public long Judged { get; init; } = Features;
}

/// <summary>Makes the modules that a method adds to an encoder, by name.</summary>
public delegate IEnumerable<(string Name, nn.Module<Tensor, Tensor> Module)> EncoderParts(EncoderWidths widths);
