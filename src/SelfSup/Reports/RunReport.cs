using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;

using static TorchSharp.torch;

namespace SelfSup.Reports;

/// <summary>Makes a report of some runs.</summary>
/// <param name="options">What it shows.</param>
/// <param name="reader">The catalogues.</param>
/// <param name="device">Where networks compute; null where they do not.</param>
/// <param name="time">The clock.</param>
/// <param name="say">Told what is being done.</param>
internal sealed class RunReport(ReportOptions options, RecipeReader reader, Device? device, TimeProvider time, Action<string> say)
{
    private readonly Dictionary<string, Atlas> _atlases = [];
    private readonly List<ReportedRun> _runs = [];

    /// <summary>The recipe of a run, with images where they are now.</summary>
    /// <param name="folder">The run directory.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="overrides">Settings in place of the recipe's.</param>
    /// <exception cref="RecipeException">There is no run, or its recipe cannot be read.</exception>
    public static Recipe RecipeOf(string folder, RecipeReader reader, IReadOnlyList<string> overrides)
    {
        var file = WeightPlace.Find(folder) switch
        {
            { Run: null } => throw new RecipeException($"{folder}: is a file; name a run directory, such as runs/quickstart"),
            { Checkpoint: not null } place => throw new RecipeException($"{folder}: is a checkpoint, a report is of a run; name {place.Run}"),
            var place => place.RecipeFile,
        };
        var recipe = reader.Read(file, new Dictionary<string, string>(), overrides);
        foreach (var images in new ImageSourceOptions?[] { recipe.Data, recipe.Evaluation.Train, recipe.Evaluation.Test })
        {
            images?.OnUnreadable = OnUnreadable.Skip; // a report shows the others
        }

        return recipe;
    }

    /// <summary>Reads the runs and looks at their images.</summary>
    /// <param name="runs">The run directories and their recipes.</param>
    /// <exception cref="DataException">A run directory cannot be read.</exception>
    public void Read(IReadOnlyList<(string Folder, Recipe Recipe)> runs)
    {
        var records = runs.Select(run => RecordOf(run.Folder)).ToArray();
        foreach (var ((folder, recipe), record) in runs.Zip(records))
        {
            var isOnly = records.Count(other => other.Summary.Name == record.Summary.Name) == 1;
            var name = isOnly ? record.Summary.Name : folder;
            _runs.Add(new ReportedRun(
                name,
                record,
                MetricsSeries.Read(RunRecord.MetricsOf(folder), ReportData.PointsFor(runs.Count)),
                RunFindings.Look(folder, recipe, reader, device, options, _atlases, time, text => say($"{name}: {text}"))));
        }
    }

    /// <summary>Writes the page.</summary>
    public void Write(Stream destination) => new ReportPage(_runs, _atlases, time.GetUtcNow()).Write(destination);

    private RunRecord RecordOf(string folder)
    {
        try
        {
            return RunRecord.Read(folder, time.GetUtcNow());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: cannot be read ({e.Message}), must be for a report; ask its owner for read access, or copy it", e);
        }
    }
}
