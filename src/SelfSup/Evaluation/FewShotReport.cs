namespace SelfSup.Evaluation;

/// <summary>Accuracies of n-way k-shot episodes, with 95 % intervals over the episodes.</summary>
internal sealed record FewShotReport
{
    /// <summary>n.</summary>
    public required int Ways { get; init; }

    /// <summary>k.</summary>
    public required int Shots { get; init; }

    /// <summary>Images of each class that are assigned.</summary>
    public required int Queries { get; init; }

    /// <summary>How many episodes.</summary>
    public required int Episodes { get; init; }

    /// <summary>How many classes they are drawn from.</summary>
    public required int Classes { get; init; }

    /// <summary>The accuracy of the nearest class mean.</summary>
    public required MeanEstimate NearestPrototype { get; init; }

    /// <summary>The accuracy of the nearest image.</summary>
    public required MeanEstimate NearestNeighbour { get; init; }

    /// <summary>What a reader of the numbers must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}
