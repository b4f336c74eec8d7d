using System.CommandLine;
using System.CommandLine.Help;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Cli;

/// <summary><c>selfsup data</c>: the verbs that concern images, not networks.</summary>
internal static class DataCommand
{
    public static Command Create()
    {
        var command = new Command("data", "Looks at images and packs them for training. Example: selfsup data inspect photos")
        {
            DataInspectCommand.Create(),
            DataPackCommand.Create(),
        };
        command.SetAction(parsed => new HelpAction().Invoke(parsed));
        return command;
    }

    public static Option<int> Workers() => new("--workers")
    {
        Description = "Threads that decode images (default: one for each core)",
        DefaultValueFactory = _ => Environment.ProcessorCount,
        HelpName = "n",
    };

    /// <summary>The settings of a source that a flag stands for, named in errors in place of the recipe's keys.</summary>
    public static DataException InFlags(DataException error) => new(
        error.Message
            .Replace("data.onUnreadable: skip", "--on-unreadable skip", StringComparison.Ordinal)
            .Replace("data.maxPixels", "--max-pixels", StringComparison.Ordinal)
            .Replace("data.imageColumn", "--image-column", StringComparison.Ordinal)
            .Replace("data.labelColumn", "--label-column", StringComparison.Ordinal)
            .Replace("data.path", "the path of the images", StringComparison.Ordinal),
        error);

    /// <summary>The flags by which the verbs say how a source is read.</summary>
    public sealed class SourceFlags
    {
        private readonly Option<string?> _imageColumn = new("--image-column")
        {
            Description = "The Parquet column with the images (default: image, then img, then the only one that fits)",
            HelpName = "name",
        };

        private readonly Option<string?> _labelColumn = new("--label-column")
        {
            Description = "The Parquet column with the labels (default: label)",
            HelpName = "name",
        };

        private readonly Option<long> _maxPixels = new("--max-pixels")
        {
            Description = "Images with more pixels count as unreadable",
            DefaultValueFactory = _ => new ImageSourceOptions().MaxPixels,
            HelpName = "n",
        };

        public void AddTo(Command command)
        {
            command.Add(_imageColumn);
            command.Add(_labelColumn);
            command.Add(_maxPixels);
        }

        /// <summary>The options of a source.</summary>
        /// <param name="parsed">The command line.</param>
        /// <param name="path">Where the images are.</param>
        public ImageSourceOptions Read(ParseResult parsed, string path) => new()
        {
            Path = path,
            ImageColumn = parsed.GetValue(_imageColumn),
            LabelColumn = parsed.GetValue(_labelColumn),
            MaxPixels = parsed.GetValue(_maxPixels),
        };
    }
}
