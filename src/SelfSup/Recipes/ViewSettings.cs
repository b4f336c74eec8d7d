using System.Globalization;

using SelfSup.Augmentation;
using SelfSup.Catalogs;

namespace SelfSup.Recipes;

/// <summary>
/// The <c>views</c> section: a list of augmentations that makes every view; or a list of such lists, one for each view (as
/// BYOL's two different ones); or groups <c>{ count, augmentations }</c>, one for the views of a kind (as the large and the
/// small crops of SwAV).
/// </summary>
internal sealed class ViewSettings
{
    private const string CountKey = "count";
    private const string AugmentationsKey = "augmentations";

    /// <summary>The augmentations of each list.</summary>
    public IReadOnlyList<IReadOnlyList<Choice>> Lists { get; init; } = [];

    /// <summary>How many views each list makes, where that is written; else null.</summary>
    public IReadOnlyList<int>? Counts { get; init; }

    /// <summary>How many views the lists make; null for a single list, which makes as many as are needed.</summary>
    public int? Views => Counts?.Sum() ?? (Lists.Count == 1 ? null : Lists.Count);

    /// <summary>The augmentations of a view.</summary>
    public IReadOnlyList<Choice> Of(int view)
    {
        if (Counts is null)
        {
            return Lists.Count == 1 ? Lists[0] : Lists[view];
        }

        var list = 0;
        for (var left = view; left >= Counts[list]; list++)
        {
            left -= Counts[list];
        }

        return Lists[list];
    }

    /// <summary>Reads the section.</summary>
    public static ViewSettings? Bind(RecipeBinder binder, RecipeNode node, string path)
    {
        if (node.Items is not { Count: > 0 })
        {
            binder.Violate(node, path, "must be a list of augmentations, for example - horizontalFlip: { probability: 0.5 }");
            return null;
        }

        if (node.Items.Any(item => item.Members is { } members && members.Any(m => Is(m.Key, CountKey) || Is(m.Key, AugmentationsKey))))
        {
            return Groups(binder, node.Items, path);
        }

        return node.Items.All(item => item.Items is not null)
            ? new ViewSettings
            {
                Lists = [.. node.Items.Select((item, i) => binder.Steps(typeof(IAugmentation), item, $"{path}[{i}]"))],
            }
            : new ViewSettings { Lists = [binder.Steps(typeof(IAugmentation), node, path)] };
    }

    private static ViewSettings Groups(RecipeBinder binder, List<RecipeNode> nodes, string path)
    {
        var (lists, counts) = (new List<List<Choice>>(), new List<int>());
        for (var i = 0; i < nodes.Count; i++)
        {
            var at = $"{path}[{i}]";
            if (nodes[i].Members is not { } members)
            {
                binder.Violate(nodes[i], at, $"must be a group {{ {CountKey}, {AugmentationsKey} }} as the others are");
                continue;
            }

            foreach (var (key, node) in members.Where(m => !Is(m.Key, CountKey) && !Is(m.Key, AugmentationsKey)))
            {
                binder.Violate(node, $"{at}.{key}", $"no such setting; there are {CountKey}, {AugmentationsKey}");
            }

            var count = members.FirstOrDefault(m => Is(m.Key, CountKey)).Value;
            if (!int.TryParse(count?.Scalar, NumberStyles.None, CultureInfo.InvariantCulture, out var views) || views is < 1 or > 64)
            {
                binder.Violate(count ?? nodes[i], $"{at}.{CountKey}", $"must be a whole number from 1 to 64, is '{count?.Scalar}'");
            }

            var augmentations = members.FirstOrDefault(m => Is(m.Key, AugmentationsKey)).Value;
            if (augmentations?.Items is not { Count: > 0 })
            {
                binder.Violate(augmentations ?? nodes[i], $"{at}.{AugmentationsKey}", "must be a list of augmentations");
            }

            lists.Add(augmentations is null ? [] : binder.Steps(typeof(IAugmentation), augmentations, $"{at}.{AugmentationsKey}"));
            counts.Add(views);
        }

        return new ViewSettings { Lists = lists, Counts = counts };
    }

    // Environment variables are in capitals.
    private static bool Is(string key, string name) => string.Equals(key, name, StringComparison.OrdinalIgnoreCase);
}
