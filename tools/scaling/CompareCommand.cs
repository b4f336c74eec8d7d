using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tools.Scaling;

/// <summary><c>scaling compare</c>: the prediction for CPU ranks beside a measurement.</summary>
internal static class CompareCommand
{
    private const double HeadParameters = 64 * 64 + 64 * 128;

    public static Command Create()
    {
        var one = new Option<string>("--one") { Description = "Of one rank: selfsup profile --json", Required = true, HelpName = "file" };
        var cost = new Option<string>("--cost") { Description = "Of messages: mpirun -np R scaling measure --out", Required = true, HelpName = "file" };
        var measured = new Option<string?>("--measured") { Description = "Of R ranks: mpirun -np R selfsup profile --json, of rank 0", HelpName = "file" };
        var images = new Option<double?>("--images") { Description = "Images of each rank; by default those of the measurement, else of one rank", HelpName = "n" };
        var cores = new Option<int?>("--cores") { Description = "Of the machine; by default those of the measured messages", HelpName = "n" };
        var views = new Option<int>("--gathered-views") { Description = "Embeddings of an image that all ranks compare with", DefaultValueFactory = _ => 2, HelpName = "n" };
        var width = new Option<int>("--width") { Description = "D, of embeddings", DefaultValueFactory = _ => 128, HelpName = "n" };
        var norms = new Option<int>("--synced-norms") { Description = "Layers that are normalised over ranks", HelpName = "n" };
        var network = new Option<string>("--network") { Description = "Whose gradients come as segments", DefaultValueFactory = _ => "resnet20", HelpName = "name" };
        network.AcceptOnlyFromAmong("resnet18", "resnet20", "resnet50");
        var command = new Command(
            "compare",
            "Predicts a step of R CPU ranks on this machine from a step of one, and compares it with a measurement. Example: scaling compare " +
            "--one one.json --cost ranks-2.json --measured two.json")
        {
            one, cost, measured, images, cores, views, width, norms, network,
        };
        command.SetAction(parsed =>
        {
            var step = MeasuredStep.Read(parsed.GetRequiredValue(one));
            var messages = CommunicationCost.Read(parsed.GetRequiredValue(cost));
            var others = parsed.GetValue(measured) is { } path ? MeasuredStep.Read(path) : null;
            if (others is not null && others.Threads != step.Threads)
            {
                throw new RecipeException(
                    $"--one: has {step.Threads} threads and --measured {others.Threads}; profile one rank with --threads {others.Threads}");
            }

            var predicted = CpuRanks.Predict(
                step,
                parsed.GetValue(images) ?? others?.Images ?? step.Images,
                messages,
                parsed.GetValue(cores) ?? messages.Cores,
                new Workload
                {
                    Segments = parsed.GetValue(network) switch
                    {
                        "resnet50" => Architectures.ResNet50(4_458_624),
                        "resnet18" => Architectures.ResNet18(512 * 513),
                        _ => Architectures.ResNet20(HeadParameters),
                    },
                    LearnedViews = 2,
                    ViewBytes = 0,
                    GatheredViews = parsed.GetValue(views),
                    Width = parsed.GetValue(width),
                    SyncedNorms = parsed.GetValue(norms),
                    NormBytes = 4 * 2 * 64,
                });
            Console.Write(Table(step, predicted, others, messages.Ranks));
        });
        return command;
    }

    /// <summary>A Markdown table.</summary>
    internal static string Table(MeasuredStep one, IReadOnlyDictionary<string, double> predicted, MeasuredStep? measured, int ranks)
    {
        var lines = new List<string>
        {
            $"| ms | 1 rank | {ranks} ranks, predicted |{(measured is null ? "" : $" {ranks} ranks, measured | predicted / measured |")}",
            measured is null ? "|---|---:|---:|" : "|---|---:|---:|---:|---:|",
        };
        foreach (var part in predicted.Keys)
        {
            lines.Add(Line(part, one[part], predicted[part], measured?[part]));
        }

        lines.Add(Line("**step**", one.Total, predicted.Values.Sum(), measured?.Total));
        return string.Join('\n', lines) + "\n";

        static string Line(string name, double before, double after, double? real) => string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {before:0.00} | {after:0.00} |{(real is { } value ? string.Create(CultureInfo.InvariantCulture, $" {value:0.00} | {(value > 0.005 ? (after / value).ToString("0.00", CultureInfo.InvariantCulture) : "-")} |") : "")}");
    }
}
