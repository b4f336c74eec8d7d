using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Telemetry;

namespace SelfSup.Evaluation;

/// <summary>Judges an encoder by weighted nearest neighbours while it is trained.</summary>
/// <param name="train">The images that vote.</param>
/// <param name="test">The images that are classified.</param>
/// <param name="extractor">Makes their features.</param>
/// <param name="options">The classifier's settings.</param>
/// <param name="heartbeat">Told of every part of the work, or null.</param>
internal sealed class KnnEvaluation(
    LabelledImages train, LabelledImages test, FeatureExtractor extractor, KnnOptions options, Heartbeat? heartbeat = null)
{
    /// <summary>Images of either side that were left out because they could not be read.</summary>
    public IEnumerable<UnreadableImage> Unreadable => [.. train.Unreadable.Snapshot(), .. test.Unreadable.Snapshot()];

    /// <summary>Accuracies in 0..1: <c>knn</c> (top-1) and <c>knnTop5</c>.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyDictionary<string, double> Evaluate(Encoder encoder, CancellationToken cancellationToken)
    {
        using var reference = extractor.Extract(encoder, train, cancellationToken);
        using var queries = extractor.Extract(encoder, test, cancellationToken);
        var report = new KnnClassifier(options).Evaluate(reference, queries, heartbeat, cancellationToken);
        return new Dictionary<string, double> { ["knn"] = report.Top1, ["knnTop5"] = report.Top5 };
    }
}
