using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>The images of a class.</summary>
/// <param name="Label">The class.</param>
/// <param name="Images">Indices, ascending; at least one.</param>
internal sealed record ClassMembers(int Label, int[] Images)
{
    /// <summary>The classes that have an image, by label. Images without a label are in none.</summary>
    /// <param name="source">The images.</param>
    /// <param name="sampling">What asks, for messages.</param>
    /// <exception cref="DataException">There are no labels.</exception>
    public static IReadOnlyList<ClassMembers> Of(IImageSource source, string sampling)
    {
        ClassMembers[] classes =
        [
            .. Enumerable.Range(0, source.Count).GroupBy(source.Label).Where(group => group.Key >= 0).OrderBy(group => group.Key)
                .Select(group => new ClassMembers(group.Key, [.. group])),
        ];
        return classes.Length > 0
            ? classes
            : throw new DataException($"sampling: '{sampling}' puts batches together by class, the images have no labels; take shuffled, or labelled images");
    }
}
