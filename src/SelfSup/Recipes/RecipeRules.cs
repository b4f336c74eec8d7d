namespace SelfSup.Recipes;

/// <summary>The rules that concern more than one section, all in one place.</summary>
internal static class RecipeRules
{
    /// <summary>Reports every broken rule as (key, problem). Sections that failed to bind are skipped.</summary>
    public static void Check(Recipe recipe, RecipeReader reader, Action<string, string> violate)
    {
        if (recipe.Views is { Lists.Count: > 0 } views)
        {
            for (var i = 0; i < views.Lists.Count; i++)
            {
                if (views.Lists[i].Count > 0 && Pipelines.Create(views.Lists[i], reader).OutputSize is null)
                {
                    violate(
                        views.Lists.Count == 1 ? "views" : $"views[{i}]",
                        "gives images of their own sizes, a batch needs one size; add randomResizedCrop or centerCrop");
                }
            }
        }

        if (recipe.Training.SliceSize >= recipe.Training.GlobalBatchSize)
        {
            violate(
                "training.sliceSize",
                $"must be less than training.globalBatchSize ({recipe.Training.GlobalBatchSize}), is {recipe.Training.SliceSize}; leave it "
                + "out where the batch fits into memory");
        }

        if (recipe.Evaluation.View is { Count: > 0 } view && Pipelines.Create(view, reader).OutputSize is null)
        {
            violate("evaluation.view", "gives images of their own sizes, a batch needs one size; add centerCrop");
        }
    }
}
