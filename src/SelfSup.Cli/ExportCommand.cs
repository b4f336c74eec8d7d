using System.CommandLine;

using SelfSup.Evaluation;
using SelfSup.Export;
using SelfSup.Hosting;
using SelfSup.Runs;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>selfsup export BACKBONE --format safetensors</c>.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var backbone = new Argument<string>("backbone")
        {
            Description = "A run directory, the folder of one of its checkpoints, or an exported safetensors file",
        };
        var format = new Option<string>("--format") { Description = "What to write", HelpName = "safetensors", DefaultValueFactory = _ => "safetensors" };
        var output = new Option<string>("--out") { Description = "The file to write", HelpName = "file", Required = true };
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "export",
            "Writes a trained network in a format that others read. Example: selfsup export runs/quickstart --format safetensors --out backbone.safetensors");
        command.Add(backbone);
        foreach (var option in new Option[] { format, output, assemblies })
        {
            command.Add(option);
        }

        format.AcceptOnlyFromAmong("safetensors");
        command.SetAction((parsed, _) =>
        {
            var path = parsed.GetRequiredValue(output);
            CommonOptions.RequireFolder("--out", path);
            RunEnvironment.LoadTorch();
            using var trained = TrainedBackbone.Load(
                parsed.GetRequiredValue(backbone), CommonOptions.Reader(parsed.GetValue(assemblies)), CPU, Representation.Features);
            CommonOptions.Write("--out", path, stream => new SafeTensorsExporter().Write(trained.Encoder, trained.Card, stream));
            return Task.FromResult(ExitCodes.Success);
        });
        return command;
    }
}
