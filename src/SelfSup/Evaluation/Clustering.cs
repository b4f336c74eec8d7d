using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>Judges features by how well clusters that k-means finds in them agree with the classes.</summary>
internal sealed class Clustering(KMeansOptions options)
{
    /// <summary>Fails where images cannot be so many clusters.</summary>
    /// <returns>How many clusters.</returns>
    /// <exception cref="DataException">Labels are missing or of one class only, or there are fewer images than clusters.</exception>
    public int Require(LabelSet images)
    {
        images.RequireLabels();
        images.RequireClasses("clusters");
        var clusters = options.Clusters ?? images.Classes;
        return clusters <= images.Count
            ? clusters
            : throw new DataException(
                $"{images.Name}: {images.Count} images cannot be {clusters} clusters, must be at least as many; ask for fewer clusters");
    }

    /// <summary>Clusters the images and compares.</summary>
    /// <exception cref="DataException">Labels are missing or of one class only, or there are fewer images than clusters.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ClusteringReport Evaluate(FeatureSet images, CancellationToken cancellationToken = default)
    {
        var clusters = Require(images);
        var found = new KMeans(options).Fit(images.Features, clusters, cancellationToken);
        return new ClusteringReport
        {
            Images = images.Count,
            Classes = images.Classes,
            Clusters = clusters,
            Scores = ClusteringScores.Of(images.Labels, found.Clusters),
            Distances = found.Distances,
            Rounds = found.Rounds,
            Notes = found.Rounds < options.Iterations
                ? []
                : [$"k-means had not settled after {options.Iterations} rounds: allow it more"],
        };
    }
}

/// <summary>How well clusters agree with classes.</summary>
internal sealed record ClusteringReport
{
    /// <summary>How many images.</summary>
    public required long Images { get; init; }

    /// <summary>Of how many classes.</summary>
    public required int Classes { get; init; }

    /// <summary>In how many clusters.</summary>
    public required int Clusters { get; init; }

    /// <summary>The agreement.</summary>
    public required ClusteringScores Scores { get; init; }

    /// <summary>The sum of the squared distances to the centres.</summary>
    public required double Distances { get; init; }

    /// <summary>How many rounds the best run took.</summary>
    public required int Rounds { get; init; }

    /// <summary>What a reader of the numbers must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}
