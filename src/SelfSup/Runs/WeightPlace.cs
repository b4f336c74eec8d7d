using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>Where trained weights are kept: in a run, in one of its checkpoints, or in a file of their own.</summary>
/// <param name="Run">The run's directory; null for a file of their own.</param>
/// <param name="Checkpoint">The checkpoint's folder, where one was named.</param>
/// <param name="File">The file of their own, or the one that a finished run exported; null where there is none.</param>
internal sealed record WeightPlace(string? Run, string? Checkpoint, string? File)
{
    /// <summary>Looks at what a path names.</summary>
    /// <param name="path">A run directory, a checkpoint's folder, or a file of weights.</param>
    /// <exception cref="RecipeException">It is none of them.</exception>
    public static WeightPlace Find(string path)
    {
        if (System.IO.File.Exists(path))
        {
            return new WeightPlace(null, null, path);
        }

        if (!Directory.Exists(path))
        {
            throw new RecipeException($"{path}: does not exist; name a run directory, a checkpoint's folder or a file of weights");
        }

        if (System.IO.File.Exists(Path.Combine(path, CheckpointManifest.FileName)))
        {
            return new WeightPlace(Path.GetFullPath(Path.Combine(path, "..", "..")), path, null);
        }

        var exported = Path.Combine(path, "backbone.safetensors");
        var place = new WeightPlace(path, null, System.IO.File.Exists(exported) ? exported : null);
        _ = place.RecipeFile;
        return place;
    }

    /// <summary>The recipe of the run.</summary>
    /// <exception cref="RecipeException">There is none.</exception>
    public string RecipeFile => Path.Combine(Run!, "recipe.yaml") is var file && System.IO.File.Exists(file)
        ? file
        : throw new RecipeException($"{Run}: is not a run directory (there is no recipe.yaml); name one, such as runs/quickstart");

    /// <summary>The checkpoints of the run.</summary>
    public CheckpointStore Checkpoints => RunDirectory.CheckpointsOf(Run!);

    /// <summary>What is said where it has none.</summary>
    public CheckpointException NoCheckpoint => new(File is null
        ? $"{Run}: has no checkpoint yet; wait for the first one"
        : $"{Run}: has no checkpoint, which has the head, as {Path.GetFileName(File)} is without it; use the backbone "
        + "(--of features, --part backbone), or put a checkpoint back");
}
