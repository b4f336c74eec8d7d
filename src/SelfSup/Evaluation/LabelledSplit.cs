using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>
/// Labelled training and test features that speak of the same classes. Labels are matched by class name: a test folder
/// that lacks a class would otherwise number the classes after it differently. They are matched by number where one of
/// the sets has no names.
/// </summary>
internal sealed class LabelledSplit
{
    /// <exception cref="DataException">
    /// An image has no label, the training set has one class only, the sets have no class in common, or the features
    /// differ in width or type.
    /// </exception>
    public LabelledSplit(FeatureSet train, FeatureSet test)
    {
        RequireLabels(train);
        RequireLabels(test);
        if (train.Features.shape[1] != test.Features.shape[1] || train.Features.dtype != test.Features.dtype)
        {
            throw new DataException(
                $"{test.Name}: features are {Describe(test)}, must be {Describe(train)} like those of {train.Name}; " +
                "compute both with one encoder");
        }

        var inTrain = train.Labels.Distinct().Count();
        if (inTrain < 2)
        {
            throw new DataException(
                $"{train.Name}: all {train.Count} images are of one class, must be of at least two; " +
                "point data.path at the folder that holds one folder per class");
        }

        (Train, Test) = (train, test);
        (ClassNames, TestLabels) = train.HasClassNames && test.HasClassNames
            ? ByName(train, test)
            : ByNumber(train, test);
        if (!TestLabels.Intersect(train.Labels).Any())
        {
            throw new DataException(
                $"{test.Name}: none of its classes ({Some(test)}) is one of {train.Name} ({Some(train)}), " +
                "must share them; give a training and a test part of one data set");
        }

        string[] unknown =
            [.. TestLabels.Distinct().Except(train.Labels).Order().Select(l => $"'{ClassNames[(int)l]}'")];
        Notes = unknown.Length == 0
            ? []
            : [$"no training image is of {string.Join(", ", unknown)}: its test images all count as wrong"];
    }

    public FeatureSet Train { get; }

    public FeatureSet Test { get; }

    /// <summary>The classes of both, the training set's first.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>
    /// The test images' labels as places in <see cref="ClassNames"/>; the training set's labels are that.
    /// </summary>
    public IReadOnlyList<long> TestLabels { get; }

    /// <summary>What a reader of the result must know.</summary>
    public IReadOnlyList<string> Notes { get; }

    private static (IReadOnlyList<string> Names, IReadOnlyList<long> TestLabels) ByName(
        FeatureSet train, FeatureSet test)
    {
        string[] names = [.. train.ClassNames, .. test.ClassNames.Except(train.ClassNames)];
        var places = names.Select((name, place) => (name, (long)place)).ToDictionary();
        return (names, [.. test.Labels.Select(label => places[test.ClassNames[(int)label]])]);
    }

    private static (IReadOnlyList<string> Names, IReadOnlyList<long> TestLabels) ByNumber(
        FeatureSet train, FeatureSet test)
    {
        var (named, other) = test.HasClassNames ? (test, train) : (train, test);
        return ([.. named.ClassNames, .. other.ClassNames.Skip(named.ClassNames.Count)], test.Labels);
    }

    private static string Some(FeatureSet set) =>
        string.Join(", ", set.ClassNames.Take(3)) + (set.ClassNames.Count > 3 ? ", ..." : "");

    private static void RequireLabels(FeatureSet set)
    {
        var missing = set.Labels.Count(label => label < 0);
        if (missing > 0)
        {
            throw new DataException(
                $"{set.Name}: {(missing == set.Count ? "none" : $"{set.Count - missing}")} of {set.Count} images " +
                "has a label, must be all of them; kNN and the linear probe need labels: " +
                "give images with labels or leave the evaluation out");
        }
    }

    private static string Describe(FeatureSet set) => $"{set.Features.dtype} of width {set.Features.shape[1]}";
}
