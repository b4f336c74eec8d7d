using System.ComponentModel.DataAnnotations;

using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;

namespace SelfSup.Training;

/// <summary>The <c>finetune</c> section: what of a network that was trained before learns on, and how fast.</summary>
internal sealed class FineTuningOptions
{
    /// <summary>
    /// The first stage that learns, those before it stay as they are, statistics of their normalisations included: stem, layer1 to
    /// layer4 of a ResNet (the thin ones have three), patches, blocks.0 and so on of a vision transformer, or head, where the whole
    /// backbone stays. By default all of it learns.
    /// </summary>
    public string? TrainFrom { get; set; }

    /// <summary>
    /// What each stage's learning rate is multiplied with, seen from the next: the last stage of the backbone learns by this, the one
    /// before by its square (Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.2; Bao et al. 2022). By default 1.
    /// </summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double? LayerDecay { get; set; }
}

/// <summary>Says of every parameter how fast it learns: by its method, and by its depth.</summary>
internal static class FineTuning
{
    /// <summary>What stands behind the stages.</summary>
    public const string Head = "head";

    /// <summary>Sets the rates of a method's encoder, before optimizers and copies are made of it.</summary>
    /// <param name="method">The method.</param>
    /// <param name="options">The recipe's, or null.</param>
    /// <exception cref="RecipeException">There is no such stage.</exception>
    public static void Apply(Method method, FineTuningOptions? options)
    {
        var stages = method.Encoder.Stages;
        var first = First(stages, options?.TrainFrom);
        double StageRate(string parameter)
        {
            var index = stages.Index().FirstOrDefault(stage => stage.Item.Has(parameter), (Index: stages.Count, Item: null!)).Index;
            return index < first ? 0 : Math.Pow(options?.LayerDecay ?? 1, stages.Count - index);
        }

        method.Encoder.SetRates(parameter => method.RateOf(parameter) * StageRate(parameter));
        foreach (var follower in method.Encoders.Where(encoder => encoder != method.Encoder))
        {
            follower.HoldAs(method.Encoder);
        }

        if (method.Encoder.Parameters.Segments.All(segment => segment.Rate == 0))
        {
            throw new RecipeException("finetune.trainFrom: leaves nothing that learns; name an earlier stage");
        }
    }

    private static int First(IReadOnlyList<BackboneStage> stages, string? name)
    {
        string[] names = [.. stages.Select(stage => stage.Name), Head];
        var first = name is null ? 0 : Array.IndexOf(names, name);
        return first >= 0
            ? first
            : throw new RecipeException($"finetune.trainFrom: there is no stage '{name}'; it must be one of {string.Join(", ", names)}");
    }
}
