using SelfSup.Augmentation;
using SelfSup.Catalogs;

namespace SelfSup.Recipes;

/// <summary>Builds the pipelines of a recipe's views, and what puts its batches together.</summary>
internal static class Pipelines
{
    /// <summary>The pipeline of one list of augmentations.</summary>
    public static ViewPipeline Create(IReadOnlyList<Choice> steps, RecipeReader reader) =>
        new([.. steps.Select(step => reader.Augmentations.Create(step.Name, step.Options))]);

    /// <summary>The pipelines of the V views of a method.</summary>
    public static ViewPipeline[] Views(Recipe recipe, RecipeReader reader, int views) =>
        [.. Enumerable.Range(0, views).Select(v => Create(recipe.Views!.Of(v), reader))];

    /// <summary>How batches are put together.</summary>
    public static Sampling Sampling(Recipe recipe, RecipeReader reader) =>
        reader.Catalogs.Create<Sampling>(recipe.Sampling ?? new Choice("shuffled", new NoOptions()));

    /// <summary>The one deterministic view that is judged.</summary>
    public static ViewPipeline Evaluation(Recipe recipe, RecipeReader reader) => Create(EvaluationSteps(recipe, reader), reader);

    /// <summary>The augmentations of the one deterministic view that is judged, in order.</summary>
    public static IReadOnlyList<Choice> EvaluationSteps(Recipe recipe, RecipeReader reader)
    {
        if (recipe.Evaluation.View is { } view)
        {
            return view;
        }

        var first = recipe.Views!.Of(0);
        var size = Create(first, reader).OutputSize!.Value;
        return
        [
            new Choice("resize", new ResizeOptions { Size = size }),
            new Choice("centerCrop", new CenterCropOptions { Size = size }),
            .. first.Where(step => step.Name == "normalize"),
        ];
    }
}
