using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup data inspect PATH</c>.</summary>
internal static class DataInspectCommand
{
    /// <summary>Of the images on the sheet; fixed, so that the same data give the same sheet.</summary>
    private const ulong Seed = 0;

    public static Command Create()
    {
        var path = new Argument<string>("path") { Description = "A folder of images, Parquet files or an IDX file" };
        var sheet = new Option<string?>("--sheet") { Description = "Draws images chosen at random, with their labels, into a PNG", HelpName = "file" };
        var images = new Option<int>("--images") { Description = "How many images on the sheet", DefaultValueFactory = _ => 36, HelpName = "n" };
        var json = new Option<bool>("--json") { Description = "Prints one JSON object with everything that was found in place of tables" };
        var quick = new Option<bool>("--quick")
        {
            Description = "Reads headers only: says nothing of damage behind them, duplicates and pixel values",
        };
        var workers = DataCommand.Workers();
        var flags = new DataCommand.SourceFlags();
        var command = new Command(
            "inspect",
            "Says what is in a source of images: formats, sizes, labels, unreadable images, duplicates, and the mean and standard " +
            "deviation for normalize. Example: selfsup data inspect photos --sheet photos.png")
        {
            path, sheet, images, json, quick, workers,
        };
        flags.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            var source = flags.Read(parsed, parsed.GetRequiredValue(path));
            RecipeBinder.Require(source, "data inspect");
            var options = new InspectOptions { Source = source, Quick = parsed.GetValue(quick), Workers = parsed.GetValue(workers) };
            RecipeBinder.Require(options, "data inspect");
            return Task.FromResult(Inspect(options, parsed.GetValue(sheet), parsed.GetValue(images), parsed.GetValue(json)));
        });
        return command;
    }

    private static int Inspect(InspectOptions options, string? sheet, int images, bool json)
    {
        if (images is < 1 or > 1000)
        {
            throw new RecipeException($"--images: must be from 1 to 1000, is {images}");
        }

        CommonOptions.RequireFolder("--sheet", sheet);
        using var signal = new SignalToken();
        try
        {
            using var source = ImageSources.Open(options.Source);
            InspectReport report;
            using (var progress = CountProgress.ToError())
            {
                report = new DatasetInspector(source, options).Run(
                    (done, unreadable) => progress.Report(done, source.Count, unreadable > 0 ? $"  {unreadable:N0} unreadable" : ""),
                    signal.Token);
            }

            if (json)
            {
                Console.WriteLine(JsonSerializer.Serialize(report, CheckpointManifest.Json));
            }
            else
            {
                InspectPrinter.Print(report);
            }

            if (sheet is not null)
            {
                Draw(source, options, sheet, images, json ? Console.Error : Console.Out);
            }

            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("selfsup: stopped before all images were seen; nothing is printed");
            return signal.ExitCode;
        }
        catch (DataException e)
        {
            throw DataCommand.InFlags(e);
        }
    }

    private static void Draw(IImageSource source, InspectOptions options, string sheet, int images, TextWriter output)
    {
        var chosen = Enumerable.Range(0, source.Count).ToArray();
        new CounterRandom(Seed, RandomPurpose.Selection).Shuffle<int>(chosen);
        var drawn = 0;
        CommonOptions.Write("--sheet", sheet, stream =>
            drawn = OriginalsSheet.Write(stream, source, new ImageDecoder(options.Source.MaxPixels), chosen, images));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sheet}: {drawn:N0} images"));
    }
}
