using SelfSup.Images;
using SelfSup.Models;

namespace SelfSup.Evaluation;

/// <summary>Judges an encoder while it is trained.</summary>
/// <param name="train">The images whose labels are known.</param>
/// <param name="test">The images that are judged by.</param>
/// <param name="extractor">Makes their features.</param>
/// <param name="measures">By what.</param>
internal sealed class RunEvaluation(
    LabelledImages train, LabelledImages test, FeatureExtractor extractor, IReadOnlyList<IMeasure> measures)
{
    /// <summary>Images of either side that were left out because they could not be read.</summary>
    public IEnumerable<UnreadableImage> Unreadable => [.. train.Unreadable.Snapshot(), .. test.Unreadable.Snapshot()];

    /// <summary>The values of all measures, by name, in 0..1.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <param name="made">Told what was made of the test images, or null; it must copy what it keeps.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyDictionary<string, double> Evaluate(Encoder encoder, CancellationToken cancellationToken, Action<FeatureSet>? made = null)
    {
        using var judged = new JudgedEncoder(encoder, train, test, extractor, cancellationToken);
        var values = measures.SelectMany(measure => measure.Of(judged, cancellationToken)).ToDictionary(value => value.Name, value => value.Value);
        if (judged.MadeOfTest is { } ofTest)
        {
            made?.Invoke(ofTest);
        }

        return values;
    }
}
