namespace SelfSup.Tensors.Pickle;

/// <summary>The tensors in dictionaries within dictionaries, by the keys on the way.</summary>
internal static class PickledNames
{
    private const int LongestName = 1024;
    private const int Deepest = 16;

    /// <summary>All tensors whose way leads over keys that are text: those of models, not an optimizer's, which has numbers.</summary>
    /// <param name="root">What the pickle holds.</param>
    /// <param name="length">The file's length, which bounds how much text the names make.</param>
    /// <exception cref="PickleException">It is no dictionary, or the names are absurd.</exception>
    public static IReadOnlyDictionary<string, PickleTensor> Of(object? root, long length)
    {
        if (root is not PickleDictionary outermost)
        {
            throw new PickleException("it holds no dictionary of tensors", "save a state_dict() with PyTorch and take that");
        }

        var tensors = new Dictionary<string, PickleTensor>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance) { outermost };
        var open = new Queue<(PickleDictionary Dictionary, string Prefix, int Depth)>([(outermost, "", 0)]);
        long characters = 0;
        while (open.TryDequeue(out var next))
        {
            foreach (var (key, value) in next.Dictionary.Entries)
            {
                if (value is not (PickleTensor or PickleDictionary))
                {
                    continue;
                }

                characters += next.Prefix.Length + key.Length;
                if (next.Prefix.Length + key.Length > LongestName || characters > 8 * (length + LongestName))
                {
                    throw new PickleException("names in it are absurdly long");
                }

                switch (value)
                {
                    case PickleTensor tensor:
                        tensors[next.Prefix + key] = tensor;
                        break;
                    case PickleDictionary inner when next.Depth < Deepest && seen.Add(inner):
                        open.Enqueue((inner, $"{next.Prefix}{key}.", next.Depth + 1));
                        break;
                }
            }
        }

        return tensors;
    }
}
