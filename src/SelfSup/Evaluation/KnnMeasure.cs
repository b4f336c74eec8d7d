using SelfSup.Telemetry;

namespace SelfSup.Evaluation;

/// <summary>Weighted nearest neighbours in the backbone's features: <c>knn</c> (top-1) and <c>knnTop5</c>.</summary>
/// <param name="options">The classifier's settings.</param>
/// <param name="heartbeat">Told of every part of the work, or null.</param>
internal sealed class KnnMeasure(KnnOptions options, Heartbeat? heartbeat = null) : IMeasure
{
    /// <inheritdoc/>
    public IEnumerable<(string Name, double Value)> Of(JudgedEncoder judged, CancellationToken cancellationToken)
    {
        var report = new KnnClassifier(options).Evaluate(
            judged.Train(Representation.Features), judged.Test(Representation.Features), heartbeat, cancellationToken);
        return [("knn", report.Top1), ("knnTop5", report.Top5)];
    }
}
