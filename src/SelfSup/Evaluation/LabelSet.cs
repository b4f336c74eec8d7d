using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>The labels of a set of images: what is known of it before any of them has been read, by which settings are checked.</summary>
internal class LabelSet
{
    /// <param name="name">What these are the labels of, for messages.</param>
    /// <param name="labels">One per image, from 0; -1 where there is none.</param>
    /// <param name="classNames">The name of every label, or null where the classes have none.</param>
    /// <exception cref="DataException">There are no images.</exception>
    public LabelSet(string name, IReadOnlyList<long> labels, IReadOnlyList<string>? classNames = null)
    {
        if (labels.Count == 0)
        {
            throw new DataException($"{name}: no images, must be at least one; look at the path and its filter");
        }

        (Name, Labels, HasClassNames) = (name, [.. labels], classNames is not null);
        var highest = Labels.Max();
        ClassNames = classNames ?? Numerals(highest + 1);
        if (highest >= ClassNames.Count)
        {
            throw new ArgumentException($"label {highest} has no name among {ClassNames.Count}", nameof(classNames));
        }
    }

    /// <summary>What these are the labels of.</summary>
    public string Name { get; }

    /// <summary>The labels, M of them; -1 where there is none.</summary>
    public IReadOnlyList<long> Labels { get; }

    /// <summary>The name of every label; its number where the classes have none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The classes have names of their own.</summary>
    public bool HasClassNames { get; }

    /// <summary>M.</summary>
    public long Count => Labels.Count;

    /// <summary>How many classes have an image.</summary>
    public int Classes => Labels.Where(label => label >= 0).Distinct().Count();

    /// <summary>Fails where an image has no label.</summary>
    /// <exception cref="DataException">One has none.</exception>
    public void RequireLabels()
    {
        var missing = Labels.Count(label => label < 0);
        if (missing > 0)
        {
            throw new DataException(
                $"{Name}: {(missing == Count ? "none" : $"{Count - missing}")} of {Count} images " +
                "has a label, must be all of them, which this evaluation needs; " +
                "give images with labels or leave the evaluation out");
        }
    }

    /// <summary>Fails where all images are of one class, so that nothing can be mistaken.</summary>
    /// <param name="purpose">What needs more.</param>
    /// <exception cref="DataException">They are.</exception>
    public void RequireClasses(string purpose)
    {
        if (Labels.All(label => label == Labels[0]))
        {
            throw new DataException(
                $"{Name}: all {Count} images are of one class, must be of at least two for {purpose}; " +
                "name the folder that holds one folder per class, or more classes");
        }
    }

    private static string[] Numerals(long count) =>
        [.. Enumerable.Range(0, (int)count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
}
