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

    private TrainedBackbone(string origin, Recipe recipe, ModelCard card, Compute compute, Representation of)
    {
        (Origin, Recipe, Card, Compute, Of) = (origin, recipe, card, compute, of);
        Encoder = NewEncoder(compute);
        _untrained = new(() => NewEncoder(compute));
    }

    /// <summary>Where the weights come from.</summary>
    public string Origin { get; }

    /// <summary>The recipe it was trained by.</summary>
    public Recipe Recipe { get; }

    /// <summary>What exports of it say.</summary>
    public ModelCard Card { get; }

    /// <summary>The encoder with the trained weights (of the backbone at least).</summary>
    public Encoder Encoder { get; }

    /// <summary>The encoder as it was before training: the baseline that stands beside every result.</summary>
    public Encoder Untrained => _untrained.Value;

    /// <summary>Where the encoder is, and how it computes.</summary>
    public Compute Compute { get; }

    /// <summary>What of it is judged.</summary>
    public Representation Of { get; }

    /// <summary>Loads a backbone.</summary>
    /// <param name="path">A run directory, a checkpoint's folder, or a safetensors file that SelfSup wrote.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="device">Where to put it.</param>
    /// <param name="of">
    /// What of it is judged; where null, the embeddings of a run of metric learning and the features of any other.
    /// </param>
    /// <param name="precision">What it computes in; where null, what the recipe judges in.</param>
    /// <exception cref="RecipeException">There is no run or file.</exception>
    /// <exception cref="CheckpointException">It holds no backbone, or a damaged one, or no head for embeddings.</exception>
    public static TrainedBackbone Load(
        string path, RecipeReader reader, Device device, Representation? of = Representation.Features, Precision? precision = null)
    {
        var place = WeightPlace.Find(path);
        if (place.Run is null)
        {
            var metadata = BackboneFile.Metadata(path);
            var own = ReadRecipe(reader, metadata, path);
            return FromFile(path, own, CardOf(own, reader, metadata), Judging(own), Actual(of, own, reader));
        }

        var recipe = reader.ReadText(File.ReadAllText(place.RecipeFile), place.RecipeFile);
        var actual = Actual(of, recipe, reader);
        if (place.File is { } exported && actual == Representation.Features)
        {
            return FromFile(exported, recipe, CardOf(recipe, reader, BackboneFile.Metadata(exported)), Judging(recipe), actual);
        }

        var folder = place.Checkpoint ?? (place.Checkpoints.Paths is [.., var newest] ? newest : throw place.NoCheckpoint);
        var (manifest, state) = CheckpointStore.Load(folder);
        using (state)
        {
            var backbone = new TrainedBackbone(
                folder, recipe, ModelCards.Of(recipe, reader, manifest.RecipeHash, manifest.Epoch), Judging(recipe), actual);
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
        var copy = NewEncoder(compute);
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

    private Encoder NewEncoder(Compute compute) => Encoder.Create(Recipe.Encoder!, Recipe.Run.Seed, compute);

    private static TrainedBackbone FromFile(string path, Recipe recipe, ModelCard card, Compute compute, Representation of)
    {
        if (of == Representation.Embeddings)
        {
            throw new CheckpointException(
                $"{path}: holds a backbone without its head, which makes embeddings; name the run or one of its checkpoints, or judge features");
        }

        var backbone = new TrainedBackbone(path, recipe, card, compute, of);
        BackboneFile.Load(path, backbone.Encoder.Backbone);
        return backbone;
    }

    private static ModelCard CardOf(Recipe recipe, RecipeReader reader, IReadOnlyDictionary<string, string> metadata) => ModelCards.Of(
        recipe,
        reader,
        metadata.GetValueOrDefault(ModelCard.RecipeHashKey, ""),
        double.TryParse(metadata.GetValueOrDefault(ModelCard.EpochsKey), CultureInfo.InvariantCulture, out var epochs) ? epochs : null);

    private static Recipe ReadRecipe(RecipeReader reader, IReadOnlyDictionary<string, string> metadata, string path) =>
        metadata.TryGetValue(ModelCard.RecipeKey, out var text)
            ? reader.ReadText(text, path)
            : throw new CheckpointException(
                $"{path}: holds no recipe ('{ModelCard.RecipeKey}' in its metadata); name a file that SelfSup wrote");

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
