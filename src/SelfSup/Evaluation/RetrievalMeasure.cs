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
        var options = new RetrievalOptions { RecallAt = [1] };
        var numbers = new Retrieval(options).Evaluate(judged.Test(Representation.Embeddings), heartbeat, cancellationToken).Numbers;
        string[] reported = ["recallAt1", "rPrecision", "mapAtR"];
        return reported.Select(name => (name, numbers[name]));
    }
}
