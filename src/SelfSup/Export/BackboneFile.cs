using SelfSup.Errors;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Export;

/// <summary>
/// A backbone as a safetensors file: torchvision's key names (timm's for a vision transformer) without a prefix, so that
/// tools of the field load it as it is, and metadata that says how images must be prepared for it.
/// </summary>
internal static class BackboneFile
{
    /// <summary>Copies the values of a file into a backbone of the same architecture.</summary>
    /// <exception cref="CheckpointException">Names or shapes differ; nothing was copied.</exception>
    public static void Load(string path, IReadOnlyDictionary<string, Tensor> backbone)
    {
        var tensors = SafeTensors.Read(path, out _);
        try
        {
            Copy(path, tensors.Where(t => !IsDouble(t.Key)).ToDictionary(), backbone);
        }
        finally
        {
            foreach (var tensor in tensors.Values)
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>Whether a name is a field's, under which earlier versions wrote some tensors a second time.</summary>
    public static bool IsDouble(string name) => name.StartsWith('_') || name.Contains("._", StringComparison.Ordinal);

    /// <summary>The metadata of a file.</summary>
    public static IReadOnlyDictionary<string, string> Metadata(string path)
    {
        var tensors = SafeTensors.Read(path, out var metadata);
        foreach (var tensor in tensors.Values)
        {
            tensor.Dispose();
        }

        return metadata;
    }

    private static void Copy(string path, Dictionary<string, Tensor> tensors, IReadOnlyDictionary<string, Tensor> state)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var missing = state.Keys.Except(tensors.Keys).Order(StringComparer.Ordinal).ToArray();
        var unknown = tensors.Keys.Except(state.Keys).Order(StringComparer.Ordinal).ToArray();
        if (missing.Length + unknown.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: not the backbone its recipe describes: {missing.Length} names are missing ({missing.FirstOrDefault("none")}), " +
                $"{unknown.Length} are unknown ({unknown.FirstOrDefault("none")}); take the file as it was exported");
        }

        foreach (var (name, value) in tensors)
        {
            if (!state[name].shape.SequenceEqual(value.shape))
            {
                throw new CheckpointException(
                    $"{path}: '{name}' is [{string.Join(", ", value.shape)}], the backbone needs [{string.Join(", ", state[name].shape)}]; " +
                    "take the file as it was exported");
            }
        }

        foreach (var (name, value) in tensors)
        {
            state[name].copy_(value);
        }
    }
}
