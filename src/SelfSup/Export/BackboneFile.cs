using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Export;

/// <summary>
/// A trained network as a safetensors file (<see cref="SafeTensorsExporter"/>), or the weights of another program. Tensors are read
/// one by one, into the place where they belong.
/// </summary>
internal static class BackboneFile
{
    /// <summary>Copies the values of a file into a backbone of the same architecture.</summary>
    /// <exception cref="CheckpointException">Names or shapes differ; nothing was copied.</exception>
    public static void Load(string path, IReadOnlyDictionary<string, Tensor> backbone)
    {
        using var file = TensorFile.Open(path);
        Load(file, backbone);
    }

    /// <summary>Copies the values of a file that SelfSup wrote; whether it holds more than the backbone, the file says.</summary>
    /// <returns>Whether the head was there.</returns>
    /// <exception cref="CheckpointException">Names or shapes differ; nothing was copied.</exception>
    public static bool Load(TensorFile file, Encoder encoder)
    {
        if (file.Metadata.GetValueOrDefault(ModelCard.PartKey) == "head")
        {
            throw new CheckpointException($"{file.Path}: holds a projection head alone, must have a backbone; name the run, or a file exported with --part all");
        }

        var hasAll = file.Metadata.GetValueOrDefault(ModelCard.PartKey) == "all";
        Load(file, hasAll ? NetworkNames.Of(encoder, ExportPart.All) : encoder.Backbone);
        return hasAll && file.Tensors.Keys.Any(NetworkNames.IsOfHead) && !file.Tensors.Keys.Any(NetworkNames.IsOfClassifier);
    }

    /// <summary>Copies the backbone of a file that another program wrote, in whatever layout.</summary>
    /// <exception cref="CheckpointException">A part of the backbone is not there, or it is a part of a deeper one; nothing was copied.</exception>
    public static LayoutMatch LoadForeign(TensorFile file, Encoder encoder, string? prefix)
    {
        var match = LayoutMatch.Find(file, encoder, prefix);
        var names = match?.Names ?? new Dictionary<string, string>();
        var state = encoder.State.Where(t => encoder.IsOfBackbone(t.Name)).ToDictionary(t => t.Name, t => t.Value);
        var fitting = state.Where(t => names.TryGetValue(t.Key, out var theirs) && LayoutMatch.Fits(t.Key, file.Tensors[theirs].Shape, t.Value.shape)).ToDictionary();
        string[] absent = [.. state.Keys.Where(name => !IsCounter(name) && !fitting.ContainsKey(name))];
        if (match is null || absent.Length > 0)
        {
            throw new CheckpointException(
                $"{file.Path}: is not the backbone that the recipe describes: {absent.Length} tensors of it are missing or have another shape "
                + $"({string.Join(", ", absent.Take(3))}); it has {string.Join(", ", file.Tensors.Take(3).Select(t => $"{ShownText.Of(t.Key)} {TensorFacts.Text(t.Value.Shape)}"))}; "
                + "name a recipe of its architecture");
        }

        if (match.Deeper is [var first, ..] deeper)
        {
            throw new CheckpointException(
                $"{file.Path}: is a deeper network than the recipe describes: it has {deeper.Count} tensors of layers more ({ShownText.Of(first)}); "
                + "name a recipe of its architecture");
        }

        foreach (var (name, value) in fitting)
        {
            Copy(file, names[name], value);
        }

        return match;
    }

    /// <summary>Reads a tensor into another, which may be of another type, or of positions of another grid.</summary>
    public static void Copy(TensorFile file, string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Copy(file.Read(name), value);
    }

    /// <summary>Copies a tensor into another, which may be of another type, or of positions of another grid.</summary>
    public static void Copy(Tensor from, Tensor value)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        value.copy_(from.shape.AsSpan().SequenceEqual(value.shape) ? from : PositionGrid.Resized(from, PositionGrid.Side(value.shape)!.Value));
    }

    /// <summary>Whether a name is a field's, under which earlier versions wrote some tensors a second time.</summary>
    public static bool IsDouble(string name) => name.StartsWith('_') || name.Contains("._", StringComparison.Ordinal);

    /// <summary>Whether a tensor counts the batches that a normalisation has seen: no weight, and older files do not have it.</summary>
    public static bool IsCounter(string name) => name.EndsWith(".num_batches_tracked", StringComparison.Ordinal);

    private static void Load(TensorFile file, IReadOnlyDictionary<string, Tensor> state)
    {
        var tensors = file.Tensors.Where(t => !IsDouble(t.Key)).ToDictionary();
        var missing = state.Keys.Except(tensors.Keys).Order(StringComparer.Ordinal).ToArray();
        var unknown = tensors.Keys.Except(state.Keys).Order(StringComparer.Ordinal).ToArray();
        if (missing.Length + unknown.Length > 0)
        {
            throw new CheckpointException(
                $"{file.Path}: not the backbone its recipe describes: {missing.Length} names are missing ({missing.FirstOrDefault("none")}), " +
                $"{unknown.Length} are unknown ({ShownText.Of(unknown.FirstOrDefault("none"))}); take the file as it was exported");
        }

        foreach (var (name, facts) in tensors.Where(t => !t.Value.Shape.AsSpan().SequenceEqual(state[t.Key].shape)))
        {
            throw new CheckpointException(
                $"{file.Path}: '{name}' is {TensorFacts.Text(facts.Shape)}, the backbone needs {TensorFacts.Text(state[name].shape)}; " +
                "take the file as it was exported");
        }

        foreach (var name in tensors.Keys)
        {
            Copy(file, name, state[name]);
        }
    }
}
