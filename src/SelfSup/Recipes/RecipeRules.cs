using SelfSup.Methods;
using SelfSup.Training;

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
                if (views.Lists[i].Count > 0)
                {
                    var key = views.Lists.Count == 1 ? "views" : $"views[{i}]";
                    CheckSize(recipe, key, Pipelines.Create(views.Lists[i], reader).OutputSize, "randomResizedCrop or centerCrop", violate);
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

        if (recipe.Sampling is not null && recipe.Data?.Pairs is not null)
        {
            violate("sampling", "must not be there with data.pairs, which says what batches are made of; leave one of them out");
        }

        foreach (var (setting, problem) in Pipelines.Sampling(recipe, reader).Check(recipe.Training.GlobalBatchSize))
        {
            violate($"sampling.{setting}", problem);
        }

        if (recipe.Init is { From: null, Prefix: not null })
        {
            violate("init.prefix", "has no effect without init.from; leave it out");
        }

        CheckReplicas(recipe, violate);
        CheckMeasures(recipe, violate);
        CheckMixup(recipe, violate);
        if (recipe.Evaluation.View is { Count: > 0 } view)
        {
            CheckSize(recipe, "evaluation.view", Pipelines.Create(view, reader).OutputSize, "centerCrop", violate);
        }
    }

    private static void CheckSize(Recipe recipe, string key, int? size, string remedy, Action<string, string> violate)
    {
        if (size is null)
        {
            violate(key, $"gives images of their own sizes, a batch needs one size; add {remedy}");
        }
        else if (recipe.Encoder?.Vit is { } vit && size % vit.PatchSize != 0)
        {
            violate(
                key, $"gives images of {size} pixels, which must be a multiple of encoder.vit.patchSize ({vit.PatchSize}); change one of them");
        }
    }

    private static void CheckMixup(Recipe recipe, Action<string, string> violate)
    {
        if (recipe is { Method.Options: ClassificationOptions { Mixup: > 0 }, Sampling.Name: "classes" })
        {
            violate("method.mixup", "blends neighbours of a batch, which are of one class under sampling: classes; leave out one of the two");
        }
    }

    private static void CheckMeasures(Recipe recipe, Action<string, string> violate)
    {
        var measures = recipe.Evaluation.ActualMeasures;
        if (measures.Contains(MeasureKind.Accuracy) && recipe.Method!.Name != "classification")
        {
            violate("evaluation.measures", $"accuracy is of method classification, the method is {recipe.Method.Name}; take knn or retrieval");
        }

        if (measures.Distinct().Count() < measures.Length)
        {
            violate("evaluation.measures", "names one of them twice; leave it out");
        }

        var has = recipe.Checkpoint.BestBy switch
        {
            BestBy.Knn or BestBy.KnnTop5 => measures.Contains(MeasureKind.Knn),
            BestBy.Accuracy => measures.Contains(MeasureKind.Accuracy),
            BestBy.RecallAt1 or BestBy.MapAtR => measures.Contains(MeasureKind.Retrieval),
            _ => true,
        };
        if (!has)
        {
            violate("checkpoint.bestBy", $"is {RecipeBinder.Camel(recipe.Checkpoint.BestBy.ToString()!)}, which evaluation.measures does not have; add it there");
        }
    }

    private static void CheckReplicas(Recipe recipe, Action<string, string> violate)
    {
        var (replicas, training) = (recipe.Run.Replicas, recipe.Training);
        if (replicas == 1)
        {
            return;
        }

        if (replicas * 2 > training.GlobalBatchSize)
        {
            violate("run.replicas", $"must leave two images for each part of a batch of {training.GlobalBatchSize}, is {replicas}");
        }

        if (training.SliceSize is not null)
        {
            violate("run.replicas", "must be 1 with training.sliceSize: a batch in slices goes through one after the other; drop one of them");
        }

        if (training.Device == DeviceKind.Cuda || training.ChannelsLast == false)
        {
            violate("run.replicas", "must be 1 on a GPU and without channels last: parts share a batch on a CPU, channels last; leave it out");
        }
    }
}
