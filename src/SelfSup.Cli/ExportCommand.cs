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
        var type = new Option<string>("--dtype") { Description = "Type of the weights", HelpName = "float32|float16", DefaultValueFactory = _ => "float32" };
        var onnx = new OnnxFlags();
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "export",
            "Writes a trained network in a format that others read. Example: selfsup export runs/quickstart --format safetensors --out backbone.safetensors");
        command.Add(backbone);
        foreach (var option in (Option[])[format, output, part, type, .. onnx.All, assemblies])
        {
            command.Add(option);
        }

        format.AcceptOnlyFromAmong("safetensors", "onnx");
        type.AcceptOnlyFromAmong("float32", "float16");
        command.SetAction((parsed, _) =>
        {
            var path = parsed.GetRequiredValue(output);
            CommonOptions.RequireFolder("--out", path);
            var (isOnnx, what) = (parsed.GetValue(format) == "onnx", parsed.GetValue(part));
            var weights = parsed.GetValue(type) == "float16" ? ScalarType.Float16 : ScalarType.Float32;
            var options = isOnnx ? onnx.Options(parsed, what, weights) : null;
            if (!isOnnx)
            {
                onnx.RequireNone(parsed, "safetensors");
            }

            if (!isOnnx && (what != ExportPart.Backbone || weights != ScalarType.Float32))
            {
                throw new RecipeException("--format safetensors: is of a backbone in float32; leave --part and --dtype out");
            }

            RunEnvironment.LoadTorch();
            using var trained = TrainedBackbone.Load(
                parsed.GetRequiredValue(backbone),
                CommonOptions.Reader(parsed.GetValue(assemblies)),
                CPU,
                what == ExportPart.Backbone ? Representation.Features : Representation.Embeddings);
            if (options is not null)
            {
                OnnxFlags.Write(trained, options, path);
                return Task.FromResult(ExitCodes.Success);
            }

            CommonOptions.Write("--out", path, stream => new SafeTensorsExporter().Write(trained.Encoder, trained.Card, stream));
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }
}
