namespace SelfSup.Evaluation;

/// <summary>How well labels were predicted. Accuracies lie in 0 .. 1.</summary>
internal sealed record ClassificationReport
{
    /// <summary>The number of test images.</summary>
    public required long Images { get; init; }

    /// <summary>The share of images whose label has the highest score.</summary>
    public required double Top1 { get; init; }

    /// <summary>
    /// The share of images whose label is among the five highest scores, or among all of fewer classes.
    /// </summary>
    public required double Top5 { get; init; }

    /// <summary>The mean of the classes' accuracies, over the classes that have test images.</summary>
    public required double MeanPerClass { get; init; }

    /// <summary>Every class in label order.</summary>
    public required IReadOnlyList<ClassResult> Classes { get; init; }

    /// <summary>Counts of images, [K][K]: true class by row, predicted class by column.</summary>
    public required IReadOnlyList<IReadOnlyList<long>> Confusion { get; init; }

    /// <summary>What a reader of the numbers must know, such as a setting that could not be kept.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>How well the images of one class were recognised.</summary>
/// <param name="Name">The class.</param>
/// <param name="Images">How many test images are of it.</param>
/// <param name="Accuracy">The share of them predicted right, or null where there is none.</param>
internal sealed record ClassResult(string Name, long Images, double? Accuracy);
