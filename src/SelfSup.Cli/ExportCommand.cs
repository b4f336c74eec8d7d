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
        var backbone = new Argument<string>("backbone")
        {
            Description = "A run directory, the folder of one of its checkpoints, or an exported safetensors file",
        };
        var format = new Option<string>("--format") { Description = "What to write", HelpName = "safetensors|onnx", DefaultValueFactory = _ => "safetensors" };
        var output = new Option<string>("--out") { Description = "The file to write", HelpName = "file", Required = true };
        var part = new Option<ExportPart>("--part")
        {
            Description = "What of the network: the backbone, its head, or all of it",
            HelpName = "backbone|head|all",
            DefaultValueFactory = _ => ExportPart.Backbone,
        };
        var type = new Option<ScalarType>("--dtype") { Description = "Type of the weights", HelpName = "float32|float16", DefaultValueFactory = _ => ScalarType.Float32 };
        var onnx = new OnnxFormat(part, type);
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "export",
            "Writes a trained network in a format that others read. Example: selfsup export runs/quickstart --format safetensors --out backbone.safetensors");
        command.Add(backbone);
        foreach (var option in (Option[])[format, output, .. onnx.Options, assemblies])
        {
            command.Add(option);
        }

        format.AcceptOnlyFromAmong("safetensors", "onnx");
        type.AcceptOnlyFromAmong("float32", "float16");
        command.SetAction((parsed, _) =>
        {
            var path = parsed.GetRequiredValue(output);
            CommonOptions.RequireFolder("--out", path);
            var isOnnx = parsed.GetValue(format) == onnx.Name;
            if (!isOnnx && onnx.Options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            {
                throw new RecipeException($"{given.Name}: has no effect for --format safetensors; leave it out");
            }

            var exporter = isOnnx ? onnx.Exporter(parsed) : new SafeTensorsExporter();
            RunEnvironment.LoadTorch();
            using var trained = TrainedBackbone.Load(
                parsed.GetRequiredValue(backbone),
                CommonOptions.Reader(parsed.GetValue(assemblies)),
                CPU,
                parsed.GetValue(part) == ExportPart.Backbone ? Representation.Features : Representation.Embeddings);
            exporter.Write(trained.Encoder, trained.Card, path, (file, write) => CommonOptions.Write("--out", file, write));
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }
}
