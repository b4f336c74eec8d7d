using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Hosting;
using SelfSup.Runs;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>selfsup export BACKBONE --format safetensors|onnx</c>.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var backbone = BackboneArguments.Backbone();
        var recipe = BackboneArguments.ForeignRecipe();
        var output = new Option<string>("--out") { Description = "The file to write", HelpName = "file", Required = true };
        var part = new Option<ExportPart>("--part")
        {
            Description = "What of the network: the backbone (default); its projection head; or all of it, with the classifier where the run trained one",
            HelpName = "backbone|head|all",
        };
        var type = new Option<string>("--dtype")
        {
            Description = "The type of the weights; counters stay integers",
            HelpName = string.Join('|', SafeTensorsFormat.Types.Keys),
            DefaultValueFactory = _ => SafeTensorsFormat.Types.Keys.First(),
        };
        type.AcceptOnlyFromAmong([.. SafeTensorsFormat.Types.Keys]);
        IExportFormat[] formats = [new SafeTensorsFormat(part, type), new OnnxFormat(part, type)];
        var format = new Option<string>("--format")
        {
            Description = "What to write",
            HelpName = string.Join('|', formats.Select(each => each.Name)),
            DefaultValueFactory = _ => formats[0].Name,
        };
        format.AcceptOnlyFromAmong([.. formats.Select(each => each.Name)]);
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "export",
            "Writes a trained network in a format that others read; safetensors have torchvision's names (timm's for a vision transformer). " +
            "Example: selfsup export runs/quickstart --format safetensors --out backbone.safetensors --dtype float16");
        command.Add(backbone);
        foreach (var option in (Option[])[format, output, .. formats.SelectMany(each => each.Options).Distinct(), recipe, assemblies])
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var path = parsed.GetRequiredValue(output);
            CommonOptions.RequireFolder("--out", path);
            var chosen = Array.Find(formats, each => each.Name == parsed.GetValue(format))!;
            RequireEffect(parsed, chosen, formats);
            var exporter = chosen.Exporter(parsed);
            RunEnvironment.LoadTorch();
            var reader = CommonOptions.Reader(parsed.GetValue(assemblies));
            using var trained = TrainedBackbone.Load(
                parsed.GetRequiredValue(backbone),
                reader,
                CPU,
                chosen.Part(parsed) == ExportPart.Backbone ? Representation.Features : Representation.Embeddings,
                foreign: BackboneArguments.Read(parsed.GetValue(recipe), reader));
            exporter.Write(trained.Encoder, trained.Card, path, (file, write) => CommonOptions.Write("--out", file, write));
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }

    /// <summary>Fails where an option was given that the format does not look at.</summary>
    private static void RequireEffect(ParseResult parsed, IExportFormat chosen, IEnumerable<IExportFormat> formats)
    {
        foreach (var option in formats.SelectMany(each => each.Options).Distinct().Except(chosen.Options))
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                throw new RecipeException($"{option.Name}: has no effect for --format {chosen.Name}; leave it out");
            }
        }
    }
}
