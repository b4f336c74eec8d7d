using System.CommandLine;

using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup data pack FOLDER OUT.parquet</c>.</summary>
internal static class DataPackCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "The images: a folder (class folders become labels), Parquet files or an IDX file" };
        var output = new Argument<string>("out")
        {
            Description = "The file to make, OUT.parquet; larger data sets become OUT-00000-of-00012.parquet and so on",
        };
        var defaults = new PackOptions();
        var shortSide = new Option<int?>("--short-side")
        {
            Description = "Brings images whose short side is longer to this many pixels, upright, as JPEG; smaller ones keep their bytes " +
                "(default: all keep their bytes)",
            HelpName = "n",
        };
        var quality = new Option<int>("--quality")
        {
            Description = "JPEG quality of resized images, from 1 to 100",
            DefaultValueFactory = _ => defaults.Quality,
            HelpName = "q",
        };
        var shard = new Option<int>("--shard-megabytes")
        {
            Description = "Starts another file before one gets larger than this",
            DefaultValueFactory = _ => defaults.ShardMegabytes,
            HelpName = "m",
        };
        var order = new Option<string>("--order")
        {
            Description = "The order of the rows: shuffled (always the same way; best for training, which mixes neighbouring rows) " +
                "or source (a folder's images come class by class)",
            DefaultValueFactory = _ => "shuffled",
            HelpName = "shuffled|source",
        };
        order.AcceptOnlyFromAmong("shuffled", "source");
        var unreadable = new Option<string>("--on-unreadable")
        {
            Description = "What an image that is damaged or null does: fail ends with its name, skip lists it in OUT.parquet.unreadable.txt. " +
                "A file that cannot be read ends the pack in any case",
            DefaultValueFactory = _ => "fail",
            HelpName = "fail|skip",
        };
        unreadable.AcceptOnlyFromAmong("fail", "skip");
        var workers = DataCommand.Workers();
        var overwrite = new Option<bool>("--overwrite")
        {
            Description = "Replaces OUT where it exists, and begins anew where an interrupted pack had other settings or images",
        };
        var flags = new DataCommand.SourceFlags();
        var command = new Command(
            "pack",
            "Makes Parquet files as on the Hugging Face hub from images: read fast, shuffled once, resized if asked for. Every image is " +
            "checked to decode. The same command again goes on where a stopped or killed one was. " +
            "Example: selfsup data pack photos photos.parquet --short-side 256")
        {
            folder, output, shortSide, quality, shard, order, unreadable, workers, overwrite,
        };
        flags.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetResult(quality) is { Implicit: false } && parsed.GetValue(shortSide) is null)
            {
                throw new RecipeException("--quality: has no effect without --short-side, as images then keep their bytes; leave it out");
            }

            var source = flags.Read(parsed, parsed.GetRequiredValue(folder));
            source.OnUnreadable = parsed.GetValue(unreadable) == "skip" ? OnUnreadable.Skip : OnUnreadable.Fail;
            RecipeBinder.Require(source, "data pack");
            var options = new PackOptions
            {
                Source = source,
                Output = parsed.GetRequiredValue(output),
                ShortSide = parsed.GetValue(shortSide),
                Quality = parsed.GetValue(quality),
                ShardMegabytes = parsed.GetValue(shard),
                Order = parsed.GetValue(order) == "source" ? PackOrder.Source : PackOrder.Shuffled,
                Workers = parsed.GetValue(workers),
                Overwrite = parsed.GetValue(overwrite),
            };
            RecipeBinder.Require(options, "data pack");
            return Task.FromResult(PackedFiles.Make(options.Output, "images", new DatasetPacker(options).Run));
        });
        return command;
    }
}
