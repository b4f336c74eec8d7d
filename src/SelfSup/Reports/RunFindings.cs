using System.Runtime.InteropServices;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Recipes;
using SelfSup.Runs;

using static TorchSharp.torch;

namespace SelfSup.Reports;

/// <summary>What a run's images and network show. Whatever cannot be had is missing with its reason; nothing of it fails a report.</summary>
internal sealed class RunFindings
{
    private const int FewestImages = 3;

    private RunFindings()
    {
    }

    /// <summary>What the network sees.</summary>
    public Finding<ViewsFinding> Views { get; private set; }

    /// <summary>What is near what.</summary>
    public Finding<NeighboursFinding> Neighbours { get; private set; }

    /// <summary>All images as points.</summary>
    public Finding<MapFinding> Map { get; private set; }

    /// <summary>What is mistaken for what.</summary>
    public Finding<ConfusionFinding> Confusion { get; private set; }

    /// <summary>What exports of the network say of it; null where it was not loaded.</summary>
    public ModelCard? Card { get; private set; }

    /// <summary>Where its weights come from; null where it was not loaded.</summary>
    public string? Origin { get; private set; }

    /// <summary>What was looked at, in words; null where nothing was.</summary>
    public string? Sample { get; private set; }

    /// <summary>What of the network was compared.</summary>
    public Representation Of { get; private set; }

    /// <summary>Looks at a run.</summary>
    /// <param name="run">Its directory.</param>
    /// <param name="recipe">Its recipe.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="device">Where the network computes; null where it does not.</param>
    /// <param name="options">What is wanted.</param>
    /// <param name="atlases">Takes the pictures of points, by a key that runs over the same images share.</param>
    /// <param name="time">The clock.</param>
    /// <param name="say">Told what is being done.</param>
    public static RunFindings Look(
        string run, Recipe recipe, RecipeReader reader, Device? device, ReportOptions options, Dictionary<string, Atlas> atlases, TimeProvider time, Action<string> say)
    {
        const string NotAsked = "Left out, as it was asked for.";
        var findings = new RunFindings
        {
            Views = options.HasPictures ? Try(() => ViewsFinding.Of(recipe, reader, options.Rows)) : Finding<ViewsFinding>.Without(NotAsked),
        };

        findings.WithoutNetwork(NotAsked);
        if (device is not null && options.UsesNetwork)
        {
            try
            {
                findings.LookWithNetwork(run, recipe, reader, device, options, atlases, time, say);
            }
            catch (Exception e) when (IsExpected(e))
            {
                findings.WithoutNetwork(Line(e));
            }
        }

        return findings;
    }

    private void LookWithNetwork(
        string run, Recipe recipe, RecipeReader reader, Device device, ReportOptions options, Dictionary<string, Atlas> atlases, TimeProvider time, Action<string> say)
    {
        using var backbone = Load(run, reader, device);
        (Card, Origin, Of) = (backbone.Card, backbone.Origin, backbone.Of);
        var (judged, setting) = recipe.Evaluation.Test is { } named ? (named, "evaluation.test") : (recipe.Data!, "data");
        using var test = ImageSample.Open(judged, setting, options.Images, EvaluationDraw.ReportedTest);
        var extractor = new FeatureExtractor(
            Pipelines.Evaluation(recipe, reader), recipe.Evaluation.BatchSize, recipe.Data!.WorkersBeside(device), backbone.Compute);
        say(FormattableString.Invariant($"what the network makes of {test.Labelled.Images.Count:N0} images"));
        using var compared = Features(test, Of);
        if (compared.Count < FewestImages)
        {
            throw new DataException(FormattableString.Invariant(
                $"{judged.Path}: has {compared.Count} images that can be read, must have {FewestImages} at least for neighbours and a map."));
        }

        Sample = FormattableString.Invariant(
            $"{(compared.Count < test.All ? $"{compared.Count:N0} of the {test.All:N0}" : $"the {compared.Count:N0}")} images of {setting}");
        Neighbours = Try(() => NeighboursFinding.Of(compared, test, options.Rows, options.HasPictures));
        Map = Try(() => MapFinding.Of(compared, test, options.HasPictures ? Pictures(compared, test) : null));
        Confusion = recipe.Evaluation.Test is null
            ? Finding<ConfusionFinding>.Without("The recipe names no labelled test images (evaluation.test).")
            : Try(() => Probe(compared));

        FeatureSet Features(ImageSample sample, Representation of) => extractor.Extract(
            backbone.Encoder, sample.Labelled, CancellationToken.None, of, new ImageProgress(sample.Labelled.Images.Count, time, say).Seen);

        string Pictures(FeatureSet features, ImageSample sample)
        {
            var key = sample.Key(features.Samples);
            if (!atlases.ContainsKey(key))
            {
                atlases.Add(key, sample.Atlas(features.Samples));
            }

            return key;
        }

        ConfusionFinding Probe(FeatureSet known)
        {
            var (reference, name) = recipe.Evaluation.Train is { } train ? (train, "evaluation.train") : (recipe.Data!, "data");
            using var training = ImageSample.Open(reference, name, ReportOptions.TrainingFactor * options.Images, EvaluationDraw.ReportedTraining);
            if (known.Classes < 2 || !training.Labelled.HasLabels)
            {
                throw new DataException("No labels: a probe needs them for the images it learns from and for those it is judged by.");
            }

            ConfusionFinding.RequireFew(known.ClassNames);
            ConfusionFinding.RequireFew(training.Labelled.Images.ClassNames);
            say(FormattableString.Invariant($"a linear probe on {training.Labelled.Images.Count:N0} images"));
            using var learned = Features(training, Representation.Features);
            if (Of == Representation.Features)
            {
                return ConfusionFinding.Of(learned, known);
            }

            using var judgedFeatures = Features(test, Representation.Features);
            return ConfusionFinding.Of(learned, judgedFeatures);
        }
    }

    /// <summary>The network; its backbone where checkpoints, which have the head, are gone.</summary>
    private static TrainedBackbone Load(string run, RecipeReader reader, Device device)
    {
        try
        {
            return TrainedBackbone.Load(run, reader, device, of: null);
        }
        catch (CheckpointException) when (WeightPlace.Find(run).File is not null)
        {
            return TrainedBackbone.Load(run, reader, device);
        }
    }

    private void WithoutNetwork(string why) =>
        (Neighbours, Map, Confusion) = (
            Finding<NeighboursFinding>.Without(why), Finding<MapFinding>.Without(why), Finding<ConfusionFinding>.Without(why));

    /// <summary>What is found, or why it is not.</summary>
    internal static Finding<T> Try<T>(Func<T> find)
        where T : class
    {
        try
        {
            return find();
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Finding<T>.Without(Line(e));
        }
    }

    /// <summary>
    /// What files of a run and its images may be: gone, moved, damaged, being written; and what libtorch says of a machine or device
    /// that has too little memory for them.
    /// </summary>
    private static bool IsExpected(Exception e) =>
        e is SelfSupException or IOException or UnauthorizedAccessException or ExternalException or OutOfMemoryException;

    // What libtorch says has its own stack below the first line.
    private static string Line(Exception e) => e is ExternalException ? e.Message.Split('\n')[0].TrimEnd() : e.Message.ReplaceLineEndings(" ");
}
