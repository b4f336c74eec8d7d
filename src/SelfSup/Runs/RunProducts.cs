using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Export;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>What a run leaves behind beside its checkpoints: result, backbone, and the list of images that were skipped.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="reader">The catalogues.</param>
/// <param name="directory">Where they go.</param>
/// <param name="identity">What they come from.</param>
/// <param name="plan">How long the run is.</param>
/// <param name="method">What was learned.</param>
/// <param name="device">What computed.</param>
/// <param name="unreadable">The images that were skipped so far, whether they were to be trained on or judged by.</param>
/// <param name="communicator">The ranks: each lists what it skipped, the first writes the rest.</param>
internal sealed class RunProducts(
    Recipe recipe,
    RecipeReader reader,
    RunDirectory directory,
    RunIdentity identity,
    TrainingPlan plan,
    Method method,
    string device,
    Func<IEnumerable<UnreadableImage>> unreadable,
    Communicator communicator)
{
    private int _listed;

    /// <summary>What the method keeps between steps.</summary>
    /// <param name="images">M, images to train on.</param>
    public StoreSize[] Stores(long images) => (recipe.Method!.Options as IRemembers)?.Stores(
        new StoreScale(images, method.Encoder.Widths.Embedding, method.Encoder.SharedLength) { Ranks = communicator.Ranks }).ToArray() ?? [];

    /// <summary>Writes backbone and result of a run that is finished; the result last, since it says so.</summary>
    /// <param name="run">The run.</param>
    /// <param name="stores">What the method kept.</param>
    /// <returns>What <c>result.json</c> holds.</returns>
    public IReadOnlyDictionary<string, object?> Write(TrainingRun run, StoreSize[] stores)
    {
        CollectUnreadable();
        var result = Summary(run, stores);
        RunDirectory.Write(
            directory.BackboneFile,
            stream => new SafeTensorsExporter().Write(
                method.Encoder,
                ModelCards.Of(recipe, reader, identity.RecipeHash, plan.Epoch(run.State.Step)) with { Classes = identity.Classes },
                stream));
        directory.WriteResult(result);
        return result;
    }

    /// <summary>Lists skipped images, each once, beside those of earlier parts of the run.</summary>
    /// <exception cref="IOException">The list cannot be written.</exception>
    public void ListUnreadable()
    {
        string[] now = [.. unreadable().Select(image => $"{image.Where}: {image.Reason}").Distinct()];
        if (now.Length > _listed)
        {
            Add(directory.UnreadableFileOf(communicator.Rank), now);
            _listed = now.Length;
        }
    }

    /// <summary>Brings the lists of all ranks together, of however many there were; of the first rank, when the others have listed theirs.</summary>
    private void CollectUnreadable()
    {
        if (Directory.Exists(RankSign.FolderOf(directory.Path)))
        {
            foreach (var list in Directory.EnumerateFiles(RankSign.FolderOf(directory.Path), Path.GetFileName(directory.UnreadableFileOf(1)).Replace('1', '*')).Order())
            {
                Add(directory.UnreadableFile, File.ReadAllLines(list));
            }
        }
    }

    private static void Add(string path, string[] lines)
    {
        var before = File.Exists(path) ? File.ReadAllLines(path) : [];
        DurableFile.Write(path, string.Concat(before.Union(lines).Select(line => line + "\n")));
    }

    private Dictionary<string, object?> Summary(TrainingRun run, StoreSize[] stores)
    {
        var state = run.State;
        var result = new Dictionary<string, object?>();
        foreach (var record in state.Evaluations.Where(e => e.Step == 0))
        {
            foreach (var (name, value) in record.Values)
            {
                result[name + (recipe.Init?.From is null ? "Untrained" : "Before")] = value;
            }
        }

        foreach (var (name, value) in state.Evaluations.LastOrDefault(e => e.Step == state.Step)?.Values ?? new Dictionary<string, double>())
        {
            result[name] = value;
        }

        result["loss"] = state.Loss;
        result["epochs"] = plan.Epoch(state.Step);
        result["steps"] = state.Step;
        result["seconds"] = Math.Round(state.Seconds, 3);
        result["imagesPerSecond"] = Math.Round(state.Step * plan.BatchSize / state.TrainingSeconds, 2);
        // Written just before, and complete also after a resume.
        result["unreadableImages"] = File.Exists(directory.UnreadableFile) ? File.ReadLines(directory.UnreadableFile).Count() : 0;
        result["skippedSteps"] = run.Health.SkippedSteps;
        result["stores"] = stores.ToDictionary(store => store.Name, store => store.Bytes);
        result["recipeHash"] = identity.RecipeHash;
        result["threads"] = identity.Threads;
        result["ranks"] = identity.Ranks;
        result["device"] = device;
        result["version"] = RunIdentity.Version;
        result["host"] = RunIdentity.Host;
        return result;
    }
}
