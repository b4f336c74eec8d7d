using SelfSup.Evaluation;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>How a run judges its encoder, put together from its recipe.</summary>
internal static class RunJudge
{
    /// <summary>The judge; null where the recipe names no test images.</summary>
    public static RunEvaluation? Create(Recipe recipe, RecipeReader reader, RunImages images, Compute compute, RunControls controls)
    {
        var options = recipe.Evaluation;
        if (images.Test is not { } test)
        {
            return null;
        }

        return new RunEvaluation(
            new LabelledImages(images.Reference, options.Train ?? recipe.Data!, "evaluation.train", images.DecodedReference),
            new LabelledImages(test, options.Test!, "evaluation.test"),
            new FeatureExtractor(
                Pipelines.Evaluation(recipe, reader), options.BatchSize, recipe.Data!.WorkersBeside(compute.Device, controls.Cores),
                Devices.ForEvaluation(compute.Device, options.Precision) with { ChannelsLast = compute.ChannelsLast },
                controls.Heartbeat),
            [.. options.ActualMeasures.Select<MeasureKind, IMeasure>(kind => kind switch
            {
                MeasureKind.Accuracy => new AccuracyMeasure(),
                MeasureKind.Retrieval => new RetrievalMeasure(controls.Heartbeat),
                _ => new KnnMeasure(options.Knn, controls.Heartbeat),
            })]);
    }

    /// <summary>The name of the value that the best checkpoint is best by; null where none is kept for that.</summary>
    public static string? BestBy(Recipe recipe) => recipe.Checkpoint.BestBy switch
    {
        Recipes.BestBy.None => null,
        { } by => RecipeBinder.Camel(by.ToString()),
        null => recipe.Evaluation.ActualMeasures[0] switch
        {
            MeasureKind.Retrieval => RecipeBinder.Camel(nameof(Recipes.BestBy.RecallAt1)),
            var measure => RecipeBinder.Camel(measure.ToString()),
        },
    };
}
