using SelfSup.Errors;
using SelfSup.Export;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>The weights in a file: one of ours, or of another program, whose layout is found by names and shapes. Only what is asked for is read.</summary>
/// <param name="file">The file, which is closed with them.</param>
/// <param name="prefix">The beginning of the names; null to look for it.</param>
internal sealed class WeightsOfFile(TensorFile file, string? prefix) : IWeights
{
    private readonly Dictionary<string, Tensor> _read = []; // a method may have several encoders
    private LayoutMatch? _match;

    /// <inheritdoc/>
    public string? Layout => _match is not { Prefix.Length: > 0 } and not { Layout.Length: > 0 } ? null
        : string.Join(": ", new[] { _match.Layout, _match.Prefix }.Where(text => text.Length > 0));

    /// <inheritdoc/>
    public IReadOnlyList<string> Elsewhere
    {
        get
        {
            var at = _match?.Prefix ?? "";
            return
            [
                .. from name in file.Tensors.Keys
                   where !name.StartsWith(at, StringComparison.Ordinal)
                   group name by Branch(name, at) into branch
                   let isCopy = _match!.Copies.Any(copy => copy.StartsWith(branch.Key, StringComparison.Ordinal) && branch.Key.EndsWith('.'))
                   select $"{branch.Key} ({branch.Count()}{(isCopy ? ", a copy of the network, for init.prefix" : "")})",
            ];
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, (string Name, long[] Shape)> For(Encoder encoder)
    {
        if (file.Metadata.GetValueOrDefault(ModelCard.PartKey) == "head")
        {
            throw new RecipeException($"init.from: {file.Path}: holds a projection head alone, must have a backbone; export --part all");
        }

        _match ??= LayoutMatch.Find(file, encoder, prefix);
        return _match is null
            ? file.Tensors.ToDictionary(t => t.Key, t => (t.Key, t.Value.Shape)) // for the error that says so
            : _match.Names.ToDictionary(name => name.Key, name => (name.Value, file.Tensors[name.Value].Shape));
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Deeper(Encoder encoder) => _match?.Deeper ?? [];

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_read.TryGetValue(name, out var value))
        {
            value = file.Read(name).DetachFromDisposeScope();
            _read.Add(name, value);
        }

        return value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _read.Values)
        {
            value.Dispose();
        }

        _read.Clear();
        file.Dispose();
    }

    /// <summary>Where a name leaves the way to the weights.</summary>
    private static string Branch(string name, string way)
    {
        var end = 0;
        while (end < Math.Min(name.Length, way.Length) && name[end] == way[end])
        {
            end++;
        }

        var start = name.LastIndexOf('.', Math.Max(end - 1, 0)) + 1;
        var next = name.IndexOf('.', start);
        return next < 0 ? name : name[..(next + 1)];
    }
}
