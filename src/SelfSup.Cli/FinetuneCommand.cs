using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup finetune RECIPE --from RUN</c>.</summary>
internal static class FinetuneCommand
{
    private const string FromName = "--from";
    private const string ScratchName = "--from-scratch";

    public static Command Create()
    {
        var from = new Option<string?>(FromName)
        {
            Description = "Whose weights it begins with: a run directory, a checkpoint's folder, or a file of weights: safetensors, .pth, " +
                ".pth.tar, .ckpt (default: init.from of the recipe)",
            HelpName = "run",
        };
        var scratch = new Option<bool>(ScratchName) { Description = "Begins with random weights instead, to compare with" };
        var head = new Option<HeadStart?>("--head")
        {
            Description = "Whether the projection head is taken too (kept) or begins anew (fresh) (default: the recipe's)",
            HelpName = "kept|fresh",
        };
        var trainFrom = new Option<string?>("--train-from")
        {
            Description = "The first stage that learns: layer3, blocks.6, head (default: the recipe's, or all)",
            HelpName = "stage",
        };
        var decay = new Option<double?>("--layer-decay")
        {
            Description = "What each stage's learning rate is multiplied with, seen from the next (default: the recipe's, or 1)",
            HelpName = "factor",
        };
        var labels = new Option<string?>("--labels")
        {
            Description = "Learns from few labels: 1% of each class's images, or 25 of each (default: the recipe's data.labels, or all)",
            HelpName = "n|n%",
        };
        var command = new Command(
            "finetune",
            "Trains a pretrained backbone on with labels: classification or any loss of metric learning, as a recipe says. It resumes, " +
            "stops and reports as pretrain does. Example: selfsup finetune recipes/finetune-cifar10-small.yaml --from runs/simclr-cifar10-small --labels 10%")
        {
            from, scratch, head, trainFrom, decay, labels,
        };
        var training = TrainingVerb.For(command);
        command.SetAction((parsed, _) => training.Run(
            parsed,
            [
                .. Setting("init.from", parsed.GetValue(from)),
                .. parsed.GetValue(scratch) ? Without(parsed.GetValue(from), parsed.GetValue(head)) : [],
                .. Setting("init.head", parsed.GetValue(head) is { } start ? RecipeBinder.Camel(start.ToString()) : null),
                .. Setting("finetune.trainFrom", parsed.GetValue(trainFrom)),
                .. Setting("finetune.layerDecay", parsed.GetValue(decay)?.ToString("R", CultureInfo.InvariantCulture)),
                .. Labels(parsed.GetValue(labels)),
            ],
            recipe =>
            {
                if (recipe.Init?.From is null && !parsed.GetValue(scratch))
                {
                    throw new RecipeException(
                        $"{FromName}: neither it nor init.from of the recipe says whose weights it begins with; name a run or a file, or say {ScratchName}");
                }
            }));
        return command;
    }

    // Quoted, so that what a path contains means nothing to YAML.
    private static string[] Setting(string key, string? value) => value switch
    {
        null => [],
        "" => throw new RecipeException($"{key}: is empty; name something or leave it out"),
        _ => [$"{key}='{value.Replace("'", "''", StringComparison.Ordinal)}'"],
    };

    private static string[] Without(string? from, HeadStart? head) => (from, head) switch
    {
        ({ }, _) => throw new RecipeException($"{ScratchName}: begins with random weights, {FromName} names others; leave one of them out"),
        (_, { }) => throw new RecipeException($"{ScratchName}: begins with random weights, of the head too; leave --head out"),
        _ => ["init="],
    };

    private static string[] Labels(string? text)
    {
        var isShare = text?.EndsWith('%') == true;
        if (text is null)
        {
            return [];
        }

        if (!double.TryParse(isShare ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            || number <= 0 || (isShare ? number > 100 : number != Math.Floor(number)))
        {
            throw new RecipeException($"--labels: must be a number of images of each class (25) or a share of them (1%), is '{text}'");
        }

        return isShare
            ? ["data.labels.perClass=", string.Create(CultureInfo.InvariantCulture, $"data.labels.share={number / 100}")]
            : ["data.labels.share=", string.Create(CultureInfo.InvariantCulture, $"data.labels.perClass={number}")];
    }
}
