using SelfSup.Errors;
using SelfSup.Methods;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// How many test images the classifier that is trained gets right: <c>accuracy</c> and <c>accuracyTop5</c>. Images of classes that it does not
/// know are all wrong.
/// </summary>
internal sealed class AccuracyMeasure : IMeasure
{
    /// <inheritdoc/>
    public IEnumerable<(string Name, double Value)> Of(JudgedEncoder judged, CancellationToken cancellationToken)
    {
        var test = judged.Test(Representation.Features);
        test.RequireLabels();
        using var scope = NewDisposeScope();
        var logits = Classification.Logits(judged.Encoder, test.Features)
            ?? throw new RecipeException("evaluation.measures: accuracy is of method classification; take knn or retrieval");
        var (names, labels) = test.LabelsAmong(judged.TrainingClasses);
        var unknown = full([logits.shape[0], names.Count - judged.TrainingClasses.Count], double.NegativeInfinity, logits.dtype);
        var tally = new ClassificationTally(names);
        tally.Add(cat([logits, unknown], 1), [.. labels]);
        var report = tally.Report();
        return [("accuracy", report.Top1), ("accuracyTop5", report.Top5)];
    }
}
