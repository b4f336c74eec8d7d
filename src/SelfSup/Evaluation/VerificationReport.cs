namespace SelfSup.Evaluation;

/// <summary>How well similarity tells pairs that show the same from others. Rates and accuracies lie in 0 .. 1.</summary>
internal sealed record VerificationReport
{
    /// <summary>Pairs that show the same.</summary>
    public required long SamePairs { get; init; }

    /// <summary>Pairs that do not.</summary>
    public required long DifferentPairs { get; init; }

    /// <summary>The area under the receiver operating characteristic.</summary>
    public required double RocArea { get; init; }

    /// <summary>The average precision.</summary>
    public required double AveragePrecision { get; init; }

    /// <summary>The equal error rate, on the lines between the points of the curve.</summary>
    public required double EqualErrorRate { get; init; }

    /// <summary>The equal error rate at the point where both rates differ least.</summary>
    public required double DiscreteEqualErrorRate { get; init; }

    /// <summary>By false accept rate: the true accept rate.</summary>
    public required IReadOnlyDictionary<double, double> TrueAcceptRates { get; init; }

    /// <summary>The largest accuracy of a threshold, chosen on the very pairs: more than unseen pairs would have.</summary>
    public required double BestAccuracy { get; init; }

    /// <summary>That threshold of similarity; null where none should be accepted.</summary>
    public required double? BestThreshold { get; init; }

    /// <summary>The mean accuracy over the folds, each by the threshold that is best on the others.</summary>
    public required double FoldAccuracy { get; init; }

    /// <summary>The standard error of that mean.</summary>
    public required double FoldStandardError { get; init; }

    /// <summary>Every fold.</summary>
    public required IReadOnlyList<FoldResult> Folds { get; init; }

    /// <summary>What a reader of the numbers must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>One fold.</summary>
/// <param name="Pairs">How many pairs it has.</param>
/// <param name="Threshold">The best on the other folds; null where none should be accepted.</param>
/// <param name="Accuracy">Its accuracy on this one.</param>
internal sealed record FoldResult(long Pairs, double? Threshold, double Accuracy);
