using System.Text.RegularExpressions;

using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Tensors;

namespace SelfSup.Export;

/// <summary>Where an encoder's backbone is in a file.</summary>
internal sealed partial record LayoutMatch
{
    private const int MostPrefixes = 1000;
    private const string Backbone = "backbone.";

    /// <summary>Whose layout it is, and how layers are named there; empty for names that are ours.</summary>
    public required string Layout { get; init; }

    /// <summary>What its names stand behind.</summary>
    public required string Prefix { get; init; }

    /// <summary>How many tensors of the backbone are there with the shape that they need.</summary>
    public required int Fitting { get; init; }

    /// <summary>The file's names by those that the encoder has for the same: of the backbone, and of what was exported with it.</summary>
    public required IReadOnlyDictionary<string, string> Names { get; init; }

    /// <summary>
    /// Names in the file of numbered layers that the backbone does not have, as those of a ResNet-34 for a ResNet-18: what fits is a part
    /// of a deeper network.
    /// </summary>
    public required IReadOnlyList<string> Deeper { get; init; }

    /// <summary>Prefixes of the same network: copies that follow it or that it follows.</summary>
    public IReadOnlyList<string> Copies { get; init; } = [];

    /// <summary>Finds the place of which most tensors fit by name and shape.</summary>
    /// <param name="file">The file.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="prefix">The beginning of the names, or null to look for it.</param>
    /// <returns>The place; null where nothing fits.</returns>
    /// <exception cref="RecipeException">Several networks fit alike, or nothing has that prefix.</exception>
    public static LayoutMatch? Find(TensorFile file, Encoder encoder, string? prefix)
    {
        var ours = encoder.State.Where(t => t.Name.StartsWith(Backbone, StringComparison.Ordinal) && !BackboneFile.IsCounter(t.Name))
            .Select(t => (Name: t.Name[Backbone.Length..], Shape: t.Value.shape)).ToArray();
        var wanted = prefix is null || prefix.Length == 0 || prefix.EndsWith('.') ? prefix : prefix + '.';
        var found = WeightLayouts.Names
            .SelectMany(names => Prefixes(file, ours, names).Select(place => (Place: place, Names: names)))
            .Where(candidate => wanted is null || candidate.Place == wanted)
            .Select(candidate => (candidate.Place, candidate.Names, Fitting: Count(file, ours, candidate.Place, candidate.Names)))
            .Where(candidate => candidate.Fitting > 0)
            .ToArray();
        if (found.Length == 0)
        {
            return prefix is null
                ? null
                : throw new RecipeException(
                    $"init.prefix: no tensor of {file.Path} whose name begins with '{wanted}' fits the encoder's backbone; it has "
                    + $"{string.Join(", ", file.Tensors.Keys.Take(3).Select(ShownText.Of))}; name the beginning of the names, or leave it out");
        }

        // The same place with two namings that say the same of it: the first.
        var most = found.Max(candidate => candidate.Fitting);
        var best = found.Where(candidate => candidate.Fitting == most).DistinctBy(candidate => candidate.Place).ToArray();
        var (copies, own) = (best.Where(candidate => IsCopy(candidate.Place)).ToArray(), best.Where(candidate => !IsCopy(candidate.Place)).ToArray());
        var chosen = own.Length > 0 ? own : copies;
        if (chosen.Length > 1)
        {
            throw new RecipeException(
                $"init.from: {file.Path} holds {chosen.Length} networks that fit alike, under {string.Join(", ", chosen.Select(c => $"'{ShownText.Of(c.Place)}'"))}; "
                + "say which one by init.prefix");
        }

        var (at, naming, fitting) = chosen[0];
        return new LayoutMatch
        {
            Layout = Describe(at, naming),
            Prefix = at,
            Fitting = fitting,
            Names = NamesOf(file, encoder, at, naming),
            Deeper =
            [
                .. DeeperOf(
                    file.Tensors.Keys.Where(name => name.StartsWith(at, StringComparison.Ordinal)).Select(name => name[at.Length..]),
                    ours.Select(tensor => naming.Of(tensor.Name))).Select(name => at + name),
            ],
            Copies = [.. best.Select(candidate => candidate.Place).Where(place => place != at)],
        };
    }

    /// <summary>Whether a tensor can be made of one of another shape: only positions can, between which there is something.</summary>
    public static bool Fits(string name, long[] there, long[] here) =>
        there.AsSpan().SequenceEqual(here) || (name.EndsWith("pos_embed", StringComparison.Ordinal) && PositionGrid.CanBecome(there, here));

    /// <summary>Which names are of numbered layers beyond those that are known; counters are left out.</summary>
    public static IEnumerable<string> DeeperOf(IEnumerable<string> names, IEnumerable<string> known)
    {
        var exact = known.ToHashSet();
        var kinds = exact.Select(Unnumbered).ToHashSet();
        return names.Where(name => !exact.Contains(name) && !BackboneFile.IsCounter(name) && kinds.Contains(Unnumbered(name)));
    }

    // Not where a name begins: in a numbered backbone that is a stage, of which there are always as many.
    private static string Unnumbered(string name) => Number().Replace(name, "#");

    [GeneratedRegex(@"(?<=[._])[0-9]+(?=\.)")]
    private static partial Regex Number();

    /// <summary>The layout's place, without wrappers that may stand anywhere.</summary>
    private static string Plain(string prefix) =>
        string.Concat(prefix.Split('.').Where(part => part is not ("" or "module" or "_orig_mod")).Select(part => part + '.'));

    private static WeightLayout? LayoutOf(string prefix)
    {
        var plain = Plain(prefix);
        return WeightLayouts.All.FirstOrDefault(layout => layout.Has(plain) || layout.HasCopy(plain));
    }

    private static bool IsCopy(string prefix) => LayoutOf(prefix) is { } layout && !layout.Has(Plain(prefix));

    private static string Describe(string prefix, LayerNames names)
    {
        var layout = prefix.Length == 0 ? null : LayoutOf(prefix)?.Program;
        return string.Join(", ", new[] { layout, names.What.Length == 0 ? null : names.What }.OfType<string>());
    }

    /// <summary>What stands before a name of the backbone somewhere in the file.</summary>
    private static IEnumerable<string> Prefixes(TensorFile file, (string Name, long[] Shape)[] ours, LayerNames names)
    {
        // The first and the last tensor: a file has at least one of them.
        string[] anchors = [names.Of(ours[0].Name), names.Of(ours[^1].Name)];
        return file.Tensors.Keys
            .Select(name => (Name: name, Anchor: anchors.FirstOrDefault(anchor => name == anchor || name.EndsWith('.' + anchor, StringComparison.Ordinal))))
            .Where(found => found.Anchor is not null)
            .Select(found => found.Name[..^found.Anchor!.Length])
            .Distinct()
            .Take(MostPrefixes);
    }

    private static int Count(TensorFile file, (string Name, long[] Shape)[] ours, string prefix, LayerNames names) => ours.Count(tensor =>
        file.Tensors.TryGetValue(prefix + names.Of(tensor.Name), out var facts) && Fits(tensor.Name, facts.Shape, tensor.Shape));

    private static Dictionary<string, string> NamesOf(TensorFile file, Encoder encoder, string prefix, LayerNames names)
    {
        var known = encoder.State.Where(t => t.Name.StartsWith(Backbone, StringComparison.Ordinal))
            .ToDictionary(t => prefix + names.Of(t.Name[Backbone.Length..]), t => t.Name);
        var all = new Dictionary<string, string>();
        foreach (var name in file.Tensors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && !BackboneFile.IsDouble(name[prefix.Length..])))
        {
            var ours = known.TryGetValue(name, out var of) ? of
                : prefix.Length == 0 && NetworkNames.IsOfHead(name) ? name
                : prefix.Length == 0 && NetworkNames.IsOfClassifier(name) && file.Metadata.ContainsKey(ModelCard.RecipeKey) ? NetworkNames.OfClassifier(name)
                : Backbone + name[prefix.Length..];
            all.TryAdd(ours, name);
        }

        return all;
    }
}
