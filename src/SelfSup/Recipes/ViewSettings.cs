using SelfSup.Augmentation;

namespace SelfSup.Recipes;

/// <summary>
/// The <c>views</c> section: a list of augmentations that makes every view, or a list of such lists, one for each view
/// (as BYOL's two different ones).
/// </summary>
internal sealed class ViewSettings
{
    /// <summary>The augmentations of each list.</summary>
    public IReadOnlyList<IReadOnlyList<Choice>> Lists { get; init; } = [];

    /// <summary>The augmentations of a view.</summary>
    public IReadOnlyList<Choice> Of(int view) => Lists.Count == 1 ? Lists[0] : Lists[view];

    /// <summary>Reads the section.</summary>
    public static ViewSettings? Bind(RecipeBinder binder, RecipeNode node, string path)
    {
        if (node.Items is not { Count: > 0 })
        {
            binder.Violate(node, path, "must be a list of augmentations, for example - horizontalFlip: { probability: 0.5 }");
            return null;
        }

        return node.Items.All(item => item.Items is not null)
            ? new ViewSettings
            {
                Lists = [.. node.Items.Select((item, i) => binder.Steps(typeof(IAugmentation), item, $"{path}[{i}]"))],
            }
            : new ViewSettings { Lists = [binder.Steps(typeof(IAugmentation), node, path)] };
    }
}
