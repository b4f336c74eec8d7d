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

    /// <summary>
    /// Views of an image whose embeddings are averaged: the one that is judged, its mirror image, and then random parts of at least
    /// 60 % of the image, half of them mirrored, as a function of (seed, sample, view).
    /// </summary>
    /// <param name="recipe">How images are prepared.</param>
    /// <param name="reader">The catalogues.</param>
    /// <param name="count">How many views.</param>
    public static IReadOnlyList<ViewPipeline> TestTime(Recipe recipe, RecipeReader reader, int count)
    {
        var judged = EvaluationSteps(recipe, reader);
        var before = judged.Count - (judged is [.., { Name: "normalize" }] ? 1 : 0);
        var mirrored = Mirrored(1, [.. judged.Take(before)]);
        var parts = Mirrored(0.5, new Choice("randomResizedCrop", new RandomResizedCropOptions
        {
            Size = Create(judged, reader).OutputSize!.Value,
            Scale = [0.6, 1],
        }));
        return [.. Enumerable.Range(0, count).Select(view => Create(view switch { 0 => judged, 1 => mirrored, _ => parts }, reader))];

        Choice[] Mirrored(double probability, params IReadOnlyList<Choice> steps) =>
            [.. steps, new Choice("horizontalFlip", new HorizontalFlipOptions { Probability = probability }), .. judged.Skip(before)];
    }

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
