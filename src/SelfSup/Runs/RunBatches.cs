using System.Globalization;
using System.Security.Cryptography;

using SelfSup.Augmentation;
using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Recipes;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>What a run's batches are made of: images in some order, or listed tuples of them; and the numbers that belong to them.</summary>
internal sealed class RunBatches : IDisposable
{
    private readonly Recipe _recipe;
    private readonly Sampling _sampling;
    private readonly IImageSource _images;
    private readonly TupleList? _tuples;
    private readonly BatchPlan _plan;

    private RunBatches(Recipe recipe, Sampling sampling, IImageSource images, int ranks)
    {
        (_recipe, _sampling, _images) = (recipe, sampling, images);
        var (data, batch) = (recipe.Data!, recipe.Training.GlobalBatchSize);
        _tuples = data.Pairs is { } pairs ? TupleListing.Read(pairs, images) : null;
        if (_tuples is null && batch > images.Count)
        {
            throw new RecipeException(
                $"training.globalBatchSize: {batch} is more than the {images.Count} images of {data.Path}; lower it or name more images");
        }

        _plan = NewPlan();
        if (_tuples is { } list && batch / ranks % list.Width != 0)
        {
            throw new RecipeException(
                $"training.globalBatchSize: is {batch}, of which each of {ranks} ranks has {batch / ranks} images, must be divisible by "
                + $"{list.Width}, the images of a tuple; take {((batch / (ranks * list.Width)) + 1) * ranks * list.Width}");
        }

        Values = data.Values is { } values ? tensor(ValueListing.Read(values, images)).DetachFromDisposeScope() : null;
    }

    /// <summary>Steps of an epoch.</summary>
    public long StepsPerEpoch => _plan.StepsPerEpoch;

    /// <summary>Numbers that belong to the images, [M, V]; or null.</summary>
    public Tensor? Values { get; }

    /// <summary>What to tell the user of a sampling that reads much more than it uses; or null.</summary>
    public string? Warning => (_sampling.IgnoresBlocks || _tuples is not null) && _images.WindowBlocks < _images.BlockStarts.Count
        ? $"{(_tuples is null ? "sampling" : "data.pairs")}: takes images from all row groups of {_recipe.Data!.Path}, of which data.cacheMegabytes "
            + "keeps a part only: most images will be read with their whole row group; raise it, or write smaller row groups"
        : null;

    /// <summary>What the lists are, by the settings that name them.</summary>
    public IEnumerable<KeyValuePair<string, SourceFiles>> Files()
    {
        if (_recipe.Data!.Pairs is { } pairs)
        {
            yield return new("data.pairs", Described(pairs.Path));
        }

        if (_recipe.Data.Values is { } values)
        {
            yield return new("data.values", Described(values.Path));
        }
    }

    /// <summary>Reads what the recipe names beside the images.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="reader">Its catalogues.</param>
    /// <param name="images">What it trains on.</param>
    /// <param name="ranks">R.</param>
    /// <exception cref="SelfSupException">Lists, images and batch do not fit together.</exception>
    public static RunBatches Open(Recipe recipe, RecipeReader reader, IImageSource images, int ranks) =>
        new(recipe, Pipelines.Sampling(recipe, reader), images, ranks);

    /// <summary>The plan of all ranks' batches, for one reader.</summary>
    public BatchPlan NewPlan() =>
        NewTuples() ?? _sampling.Plan(_recipe.Run.Seed, _images, _recipe.Training.GlobalBatchSize);

    /// <summary>The same for a method that learns from tuples; null where there are none.</summary>
    public TupleBatches? NewTuples() => _tuples is null ? null : new TupleBatches(_recipe.Run.Seed, _tuples, _recipe.Training.GlobalBatchSize);

    /// <summary>Whether labels are there that the method needs, and tuples and method belong together.</summary>
    /// <exception cref="DataException">Images have no labels.</exception>
    /// <exception cref="RecipeException">Of tuples and method one is there without the other.</exception>
    public void Require(Method method)
    {
        if (method.NeedsLabels)
        {
            RequireLabels();
        }

        if (method.NeedsTuples == (_tuples is not null))
        {
            return;
        }

        throw new RecipeException(_tuples is null
            ? $"data.pairs: is not there, {_recipe.Method!.Name} learns from listed pairs; name a list or another method"
            : $"data.pairs: is there, {_recipe.Method!.Name} does not learn from listed pairs; leave it out, or take tupleLearning");
    }

    /// <inheritdoc/>
    public void Dispose() => Values?.Dispose();

    private void RequireLabels()
    {
        var (path, method) = (_recipe.Data!.Path, _recipe.Method!.Name);
        if (_images.ClassNames.Count == 0)
        {
            throw new DataException($"{path}: has no labels, {method} learns from them; name labelled images or another method");
        }

        int[] unlabelled = [.. Enumerable.Range(0, _images.Count).Where(index => _images.Label(index) < 0)];
        if (unlabelled.Length > 0)
        {
            throw new DataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{path}: {unlabelled.Length:N0} of {_images.Count:N0} images have no label (the first is {_images.Locate(unlabelled[0])}), {method} learns from "
                + $"them; label these or choose the others by data.classes"));
        }
    }

    private static SourceFiles Described(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return new() { Files = [new(Path.GetFileName(path), file.Length) { Sha256 = Convert.ToHexStringLower(SHA256.HashData(file)) }] };
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(path, e);
        }
    }
}
