using System.Globalization;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>A backbone with the recipe it was trained by, from a run, one of its checkpoints, or an exported file.</summary>
internal sealed class TrainedBackbone : IDisposable
{
    private TrainedBackbone(string origin, Recipe recipe, ModelCard card, Encoder encoder, Encoder untrained, Representation of) =>
        (Origin, Recipe, Card, Encoder, Untrained, Of) = (origin, recipe, card, encoder, untrained, of);

    /// <summary>Where the weights come from.</summary>
    public string Origin { get; }

    /// <summary>The recipe it was trained by.</summary>
    public Recipe Recipe { get; }

    /// <summary>What exports of it say.</summary>
    public ModelCard Card { get; }

    /// <summary>The encoder with the trained weights (of the backbone at least).</summary>
    public Encoder Encoder { get; }

    /// <summary>The encoder as it was before training: the baseline that stands beside every result.</summary>
    public Encoder Untrained { get; }

    /// <summary>What of it is judged.</summary>
    public Representation Of { get; }

    /// <summary>Loads a backbone.</summary>
    /// <param name="path">A run directory, a checkpoint's folder, or a safetensors file that SelfSup wrote.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="device">Where to put it.</param>
    /// <param name="of">
    /// What of it is judged; where null, the embeddings of a run of metric learning and the features of any other.
    /// </param>
    /// <exception cref="RecipeException">There is no run or file.</exception>
    /// <exception cref="CheckpointException">It holds no backbone, or a damaged one, or no head for embeddings.</exception>
    public static TrainedBackbone Load(string path, RecipeReader reader, Device device, Representation? of = Representation.Features)
    {
        var place = WeightPlace.Find(path);
        if (place.Run is null)
        {
            var metadata = BackboneFile.Metadata(path);
            var own = ReadRecipe(reader, metadata, path);
            return FromFile(path, own, CardOf(own, reader, metadata), device, Actual(of, own, reader));
        }

        var recipe = reader.ReadText(File.ReadAllText(place.RecipeFile), place.RecipeFile);
        var actual = Actual(of, recipe, reader);
        if (place.File is { } exported && actual == Representation.Features)
        {
            return FromFile(exported, recipe, CardOf(recipe, reader, BackboneFile.Metadata(exported)), device, actual);
        }

        var folder = place.Checkpoint ?? (place.Checkpoints.Paths is [.., var newest] ? newest : throw place.NoCheckpoint);
        var (manifest, state) = CheckpointStore.Load(folder);
        using (state)
        {
            var backbone = Create(folder, recipe, ModelCards.Of(recipe, reader, manifest.RecipeHash, manifest.Epoch), device, actual);
            state.Part("run", new EncoderOfRun(backbone.Encoder));
            return backbone;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Encoder.Dispose();
        Untrained.Dispose();
    }

    private static Representation Actual(Representation? of, Recipe recipe, RecipeReader reader) =>
        of ?? (reader.Methods.TypeOf(recipe.Method!.Name).IsDefined(typeof(LearnsEmbeddingsAttribute), inherit: false)
            ? Representation.Embeddings
            : Representation.Features);

    private static TrainedBackbone FromFile(string path, Recipe recipe, ModelCard card, Device device, Representation of)
    {
        if (of == Representation.Embeddings)
        {
            throw new CheckpointException(
                $"{path}: holds a backbone without its head, which makes embeddings; name the run or one of its checkpoints, or judge features");
        }

        var backbone = Create(path, recipe, card, device, of);
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

    private static TrainedBackbone Create(string origin, Recipe recipe, ModelCard card, Device device, Representation of)
    {
        var compute = Devices.ForEvaluation(device, recipe.Evaluation.Precision);
        return new(
            origin,
            recipe,
            card,
            Encoder.Create(recipe.Encoder!, recipe.Run.Seed, compute),
            Encoder.Create(recipe.Encoder!, recipe.Run.Seed, compute),
            of);
    }

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
