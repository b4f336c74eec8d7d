using System.Globalization;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>A backbone with the recipe it was trained by, from a run, one of its checkpoints, or an exported file.</summary>
internal sealed class TrainedBackbone : IDisposable
{
    private readonly Lazy<Encoder> _untrained;
    private readonly EncoderParts? _parts;

    private TrainedBackbone(string origin, Recipe recipe, ModelCard card, Compute compute, Representation of, long? classes = null)
    {
        (Origin, Recipe, Card, Compute, Of) = (origin, recipe, card, compute, of);
        _parts = classes is { } count ? Classification.Parts(count) : null;
        Encoder = NewEncoder(compute, _parts);
        _untrained = new(() => NewEncoder(compute));
    }

    /// <summary>Where the weights come from.</summary>
    public string Origin { get; }

    /// <summary>The recipe it was trained by.</summary>
    public Recipe Recipe { get; }

    /// <summary>What exports of it say.</summary>
    public ModelCard Card { get; }

    /// <summary>The encoder with the trained weights: of the backbone at least, of head and classifier where the place has them.</summary>
    public Encoder Encoder { get; }

    /// <summary>The encoder as it was before training: the baseline that stands beside every result.</summary>
    public Encoder Untrained => _untrained.Value;

    /// <summary>Where the encoder is, and how it computes.</summary>
    public Compute Compute { get; }

    /// <summary>What of it is judged.</summary>
    public Representation Of { get; }

    /// <summary>Loads a backbone.</summary>
    /// <param name="path">A run directory, a checkpoint's folder, a safetensors file that SelfSup wrote, or weights of another program.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="device">Where to put it.</param>
    /// <param name="of">
    /// What of it is judged; where null, the embeddings of a run of metric learning and the features of any other.
    /// </param>
    /// <param name="precision">What it computes in; where null, what the recipe judges in.</param>
    /// <param name="foreign">The recipe that weights of another program go with; null for what SelfSup wrote, which has one.</param>
    /// <exception cref="RecipeException">There is no run or file, or it has a recipe already.</exception>
    /// <exception cref="CheckpointException">It holds no backbone, or a damaged one, or no head for embeddings.</exception>
    public static TrainedBackbone Load(
        string path,
        RecipeReader reader,
        Device device,
        Representation? of = Representation.Features,
        Precision? precision = null,
        Recipe? foreign = null)
    {
        var place = WeightPlace.Find(path);
        if (place.Run is not null && foreign is not null)
        {
            throw HasRecipe(path);
        }

        if (place.Run is null)
        {
            using var file = TensorFile.Open(path);
            return file.Metadata.ContainsKey(ModelCard.RecipeKey) || foreign is null
                ? FromOurs(file, foreign is null ? ReadRecipe(reader, file) : throw HasRecipe(path), reader, Judging, of)
                : FromOthers(file, foreign, reader, Judging(foreign), of);
        }

        var recipe = reader.ReadText(File.ReadAllText(place.RecipeFile), place.RecipeFile);
        var actual = Actual(of, recipe, reader);
        if (place.File is { } exported && actual == Representation.Features)
        {
            using var file = TensorFile.Open(exported);
            return FromOurs(file, recipe, reader, Judging, of);
        }

        var folder = place.Checkpoint ?? (place.Checkpoints.Paths is [.., var newest] ? newest : throw place.NoCheckpoint);
        var (manifest, state) = CheckpointStore.Load(folder);
        using (state)
        {
            var card = ModelCards.Of(recipe, reader, manifest.RecipeHash, manifest.Epoch) with { Classes = manifest.Classes ?? [] };
            var backbone = new TrainedBackbone(folder, recipe, card, Judging(recipe), actual, ClassesIn(state.Entries));
            state.Part("run", new EncoderOfRun(backbone.Encoder));
            return backbone;
        }

        Compute Judging(Recipe trained) => Devices.ForEvaluation(device, precision ?? trained.Evaluation.Precision);
    }

    /// <summary>A hash of the weights that make what is judged, the same wherever they come from.</summary>
    public string Weights()
    {
        using var scope = NewDisposeScope();
        using var hash = new FieldHash();
        foreach (var (name, value) in Of == Representation.Features
            ? Encoder.Backbone.Select(entry => (entry.Key, entry.Value))
            : Encoder.State.Where(entry => !Encoder.IsOfPart(entry.Name)))
        {
            hash.Text(name);
            hash.Bytes(value.cpu().contiguous().bytes);
        }

        return hash.Finish();
    }

    /// <summary>Another encoder with the same weights.</summary>
    /// <param name="device">Where; it computes there as the first does.</param>
    public (Encoder Encoder, Compute Compute) Copy(Device device)
    {
        var compute = Compute with { Device = device };
        var copy = NewEncoder(compute, _parts);
        using var _ = no_grad();
        var own = Encoder.State.ToDictionary();
        foreach (var (name, value) in copy.State)
        {
            value.copy_(own[name]);
        }

        if (device.type == Compute.Device.type && device.index == Compute.Device.index)
        {
            copy.Parameters.Share(Encoder.Parameters); // once in memory
        }

        return (copy, compute);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Encoder.Dispose();
        if (_untrained.IsValueCreated)
        {
            Untrained.Dispose();
        }
    }

    private static Representation Actual(Representation? of, Recipe recipe, RecipeReader reader) =>
        of ?? (reader.Methods.TypeOf(recipe.Method!.Name).IsDefined(typeof(LearnsEmbeddingsAttribute), inherit: false)
            ? Representation.Embeddings
            : Representation.Features);

    /// <summary>From a file that SelfSup wrote.</summary>
    private static TrainedBackbone FromOurs(TensorFile file, Recipe recipe, RecipeReader reader, Func<Recipe, Compute> judging, Representation? of)
    {
        var metadata = file.Metadata;
        var card = ModelCards.Of(
            recipe,
            reader,
            metadata.GetValueOrDefault(ModelCard.RecipeHashKey, ""),
            double.TryParse(metadata.GetValueOrDefault(ModelCard.EpochsKey), CultureInfo.InvariantCulture, out var epochs) ? epochs : null) with
        {
            Classes = ModelCard.ClassesOf(metadata, file.Path),
        };
        var actual = Actual(of, recipe, reader);
        var classes = metadata.GetValueOrDefault(ModelCard.PartKey) == "all"
            ? file.Tensors.Where(t => NetworkNames.IsOfClassifier(t.Key)).Select(t => (long?)t.Value.Shape.FirstOrDefault()).FirstOrDefault()
            : null;
        var backbone = new TrainedBackbone(file.Path, recipe, card, judging(recipe), actual, classes);
        try
        {
            return BackboneFile.Load(file, backbone.Encoder) || actual == Representation.Features ? backbone : throw NoHead(file.Path);
        }
        catch
        {
            backbone.Dispose();
            throw;
        }
    }

    /// <summary>From weights of another program, for which a recipe says what they are.</summary>
    private static TrainedBackbone FromOthers(TensorFile file, Recipe recipe, RecipeReader reader, Compute compute, Representation? of)
    {
        if (of == Representation.Embeddings)
        {
            throw NoHead(file.Path);
        }

        var card = ModelCards.Of(recipe, reader, recipeHash: "", epochs: null) with { Method = "another program's" };
        var backbone = new TrainedBackbone(file.Path, recipe, card, compute, Representation.Features);
        try
        {
            BackboneFile.LoadForeign(file, backbone.Encoder, recipe.Init?.Prefix);
            return backbone;
        }
        catch
        {
            backbone.Dispose();
            throw;
        }
    }

    private static CheckpointException NoHead(string path) => new(
        $"{path}: holds a backbone without its head, which makes embeddings; name the run or one of its checkpoints, a file exported with "
        + "--part all, or judge features");

    private static RecipeException HasRecipe(string path) => new($"--recipe: is of weights of another program, {path} has its recipe; leave it out");

    private static Recipe ReadRecipe(RecipeReader reader, TensorFile file) =>
        file.Metadata.TryGetValue(ModelCard.RecipeKey, out var text)
            ? reader.ReadText(text, file.Path)
            : throw new CheckpointException(
                $"{file.Path}: holds no recipe ('{ModelCard.RecipeKey}' in its metadata), as weights of other programs do not; name one of the same "
                + "architecture by --recipe, or a file that SelfSup wrote");

    /// <summary>K, where a run's state has a classifier.</summary>
    private static long? ClassesIn(IReadOnlyDictionary<string, Tensor> state) =>
        state.TryGetValue($"{WeightsOfRun.Encoder}{WeightsOfRun.Parameters}classifier.weight", out var weight) ? weight.shape[0] : null;

    private Encoder NewEncoder(Compute compute, EncoderParts? parts = null) => Encoder.Create(Recipe.Encoder!, Recipe.Run.Seed, compute, parts);

    /// <summary>The encoder's place in the state of a run.</summary>
    private sealed class EncoderOfRun(Encoder encoder) : IStateful
    {
        public void Exchange(StateArchive archive) => archive.Part("method", new EncoderOfMethod(encoder));
    }

    private sealed class EncoderOfMethod(Encoder encoder) : IStateful
    {
        public void Exchange(StateArchive archive) => archive.Part("encoder", encoder);
    }
}
