using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>Labelled training and test features that speak of the same classes, by <see cref="FeatureSet.Match"/>.</summary>
internal sealed class LabelledSplit
{
    /// <exception cref="DataException">
    /// An image has no label, the training set has one class only, the sets have no class in common, or the features
    /// differ in width or type.
    /// </exception>
    public LabelledSplit(FeatureSet train, FeatureSet test)
    {
        train.RequireLabels();
        test.RequireLabels();
        train.RequireLike(test);
        var inTrain = train.Labels.Distinct().Count();
        if (inTrain < 2)
        {
            throw new DataException(
                $"{train.Name}: all {train.Count} images are of one class, must be of at least two; " +
                "point data.path at the folder that holds one folder per class");
        }

        (Train, Test) = (train, test);
        (ClassNames, TestLabels) = train.Match(test);
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

    private static string Some(FeatureSet set) =>
        string.Join(", ", set.ClassNames.Take(3)) + (set.ClassNames.Count > 3 ? ", ..." : "");
}
