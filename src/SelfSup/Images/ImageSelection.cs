using System.Globalization;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Randomness;

namespace SelfSup.Images;

/// <summary>Leaves out what a section of the recipe does not want: classes first, then all but a few images of each class.</summary>
internal static class ImageSelection
{
    /// <summary>Keeps the few-label split apart from other choices by the same seed.</summary>
    private const int FewLabels = 1;

    /// <summary>The images that are wanted; the source itself where all are.</summary>
    /// <param name="source">What is chosen from; disposed with the result.</param>
    /// <param name="options">What is wanted.</param>
    /// <exception cref="DataException">The source has no labels, not such classes, or nothing is left.</exception>
    public static IImageSource Of(IImageSource source, ImageSourceOptions options)
    {
        if (options is { Classes: null, ExceptClasses: null, Labels: null })
        {
            return source;
        }

        if (source.ClassNames.Count == 0)
        {
            var setting = options.Classes is not null ? "classes" : options.ExceptClasses is not null ? "exceptClasses" : "labels";
            throw new DataException($"{options.Path}: has no labels, by which '{setting}' chooses; leave that out or name labelled images");
        }

        int[] classes = options.Classes is { } wanted ? Labels(source, wanted, "classes", options.Path)
            : options.ExceptClasses is { } unwanted
                ? [.. Enumerable.Range(0, source.ClassNames.Count).Except(Labels(source, unwanted, "exceptClasses", options.Path))]
                : [.. Enumerable.Range(0, source.ClassNames.Count)];
        var members = Members(source, classes);
        if (members.Length == 0)
        {
            throw new DataException(
                $"{options.Path}: no image is left of {source.Count.ToString("N0", CultureInfo.InvariantCulture)} by classes, exceptClasses and "
                + "limit; choose others");
        }

        if (options.Labels is { } labels)
        {
            members = Few(source, members, labels);
        }

        return new SubsetSource(source, members, classes);
    }

    private static int[] Labels(IImageSource source, IReadOnlyList<string> names, string setting, string path)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var label = 0; label < source.ClassNames.Count; label++)
        {
            known.TryAdd(source.ClassNames[label], label);
        }

        // Files of one data set have names or only numbers, and a recipe should do for both; where names are numbers they mean themselves.
        if (!source.ClassNames.Any(name => int.TryParse(name, NumberStyles.Integer, CultureInfo.InvariantCulture, out _)))
        {
            for (var label = 0; label < source.ClassNames.Count; label++)
            {
                known.Add(label.ToString(CultureInfo.InvariantCulture), label);
            }
        }

        string[] unknown = [.. names.Where(name => !known.ContainsKey(name)).Distinct()];
        if (unknown.Length > 0)
        {
            var all = string.Join(", ", source.ClassNames.Take(20));
            throw new DataException(
                $"{path}: '{setting}' names {string.Join(", ", unknown.Take(5).Select(name => $"'{name}'"))}{(unknown.Length > 5 ? ", ..." : "")}, "
                + $"which {(unknown.Length == 1 ? "is no class" : "are no classes")} of these images"
                + $"{NearestName.Question(unknown[0], source.ClassNames)}; there are {all}{(source.ClassNames.Count > 20 ? ", ..." : "")}");
        }

        return [.. names.Select(name => known[name]).Distinct().Order()];
    }

    private static int[] Members(IImageSource source, int[] classes)
    {
        var isKept = new bool[source.ClassNames.Count];
        Array.ForEach(classes, label => isKept[label] = true);
        return [.. Enumerable.Range(0, source.Count).Where(index => source.Label(index) is >= 0 and var label && isKept[label])];
    }

    /// <summary>
    /// The first few of each class in an order that is a function of seed and class alone: of a class that is chosen by name the
    /// same ones as of all classes, and more of them where more are asked for.
    /// </summary>
    private static int[] Few(IImageSource source, int[] members, LabelOptions options) =>
    [
        .. members.GroupBy(source.Label).SelectMany(group =>
        {
            int[] order = [.. group];
            new CounterRandom(options.Seed, RandomPurpose.Selection, sample: group.Key, view: FewLabels).Shuffle<int>(order);
            var count = options.PerClass ?? (int)Math.Max(1, Math.Round(options.Share!.Value * order.Length, MidpointRounding.AwayFromZero));
            return order.Take(count);
        }).Order(),
    ];
}
