using SelfSup.Telemetry;

namespace SelfSup.Evaluation;

/// <summary>
/// What is nearest to each test image among the others, by embeddings: <c>recallAt1</c>, <c>rPrecision</c> and <c>mapAtR</c>.
/// </summary>
/// <param name="heartbeat">Told of every part of the work, or null.</param>
internal sealed class RetrievalMeasure(Heartbeat? heartbeat = null) : IMeasure
{
    /// <inheritdoc/>
    public IEnumerable<(string Name, double Value)> Of(JudgedEncoder judged, CancellationToken cancellationToken)
    {
        var report = new Retrieval(new() { RecallAt = [1] }).Evaluate(judged.Test(Representation.Embeddings), heartbeat, cancellationToken);
        return report.Numbers.Where(number => number.Key != "precisionAt1").Select(number => (number.Key, number.Value)); // which is recallAt1
    }
}
