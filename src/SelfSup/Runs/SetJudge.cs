using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>
/// Judges encoders by what they make of sets of images: retrieval, verification, episodes, clusters, identification.
/// </summary>
internal sealed class SetJudge : IDisposable
{
    private readonly FeatureExtractor _extractor;
    private readonly Representation _of;

    /// <param name="recipe">The recipe of the backbone: how images are prepared for it.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="device">Where the encoders are.</param>
    /// <param name="of">What is judged.</param>
    public SetJudge(Recipe recipe, RecipeReader reader, Device device, Representation of)
    {
        var compute = Devices.ForEvaluation(device, recipe.Evaluation.Precision);
        _of = of;
        _extractor = new FeatureExtractor(
            Pipelines.Evaluation(recipe, reader), recipe.Evaluation.BatchSize, recipe.Data!.WorkersBeside(device), compute);
    }

    /// <summary>The sets, in the order in which they were added.</summary>
    public List<LabelledImages> Sets { get; } = [];

    /// <summary>Images that were left out because they could not be read.</summary>
    public IReadOnlyList<UnreadableImage> Unreadable => [.. Sets.SelectMany(set => set.Unreadable.Snapshot())];

    /// <summary>Adds a set of images.</summary>
    /// <param name="options">Which.</param>
    /// <param name="setting">What named them, for messages.</param>
    /// <param name="needLabels">Whether they are useless without labels.</param>
    /// <exception cref="Errors.DataException">The images cannot be read, or have no labels and need them.</exception>
    public LabelledImages Add(ImageSourceOptions options, string setting, bool needLabels = true)
    {
        var source = ImageSources.Open(options);
        try
        {
            var set = new LabelledImages(source, options, setting, needLabels: needLabels);
            Sets.Add(set);
            return set;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>What an encoder makes of a set.</summary>
    public FeatureSet Features(Encoder encoder, LabelledImages set, CancellationToken cancellationToken) =>
        _extractor.Extract(encoder, set, cancellationToken, _of);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var set in Sets)
        {
            set.Images.Dispose();
        }
    }
}
