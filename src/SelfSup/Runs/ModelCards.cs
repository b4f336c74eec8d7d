using SelfSup.Export;
using SelfSup.Recipes;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>Fills in what exports say of a network.</summary>
internal static class ModelCards
{
    /// <summary>The card of a network that was trained by a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="recipeHash">The hash of its settings; empty where it is not known.</param>
    /// <param name="epochs">Epochs done; null where that is not known.</param>
    public static ModelCard Of(Recipe recipe, RecipeReader reader, string recipeHash, double? epochs)
    {
        var view = Pipelines.Evaluation(recipe, reader);
        return new ModelCard
        {
            Recipe = RecipeWriter.Yaml(recipe),
            RecipeHash = recipeHash,
            Method = recipe.Method!.Name,
            Backbone = recipe.Encoder!.Backbone,
            Epochs = epochs,
            View = RecipeWriter.Json([.. Pipelines.EvaluationSteps(recipe, reader).SkipLast(view.Normalization is null ? 0 : 1)]),
            ImageSize = view.OutputSize!.Value,
            Mean = view.Normalization is { } mean ? [.. mean.Mean] : [],
            StandardDeviation = view.Normalization is { } deviation ? [.. deviation.StandardDeviation] : [],
            Version = RunIdentity.Version,
        };
    }
}
