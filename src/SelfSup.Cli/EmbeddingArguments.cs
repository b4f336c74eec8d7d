using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Recipes;
using SelfSup.Search;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary>What the verbs that search embeddings share: the files, where their images are, and a page of pictures.</summary>
internal sealed class EmbeddingArguments
{
    private readonly Argument<string> _embeddings = new("embeddings")
    {
        Description = "What selfsup embed wrote: a Parquet file, a folder of its files or a pattern such as 'photos-*.parquet'",
    };

    private readonly Option<string?> _sheet = new("--sheet")
    {
        Description = "Draws what was found: a page of pictures that needs no other file, to be opened in a browser",
        HelpName = "file.html",
    };

    private readonly Option<string?> _images = new("--images")
    {
        Description = "Where the images are now (default: where they were when they were embedded)",
        HelpName = "path",
    };

    private readonly Option<int?> _threads = CommonOptions.Threads();

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_embeddings);
        foreach (var option in new Option[] { _sheet, _images, _threads })
        {
            command.Add(option);
        }
    }

    /// <summary>The page that is asked for, or null.</summary>
    public string? Sheet(ParseResult parsed) => parsed.GetValue(_sheet);

    /// <summary>The path as it was given.</summary>
    public string Path(ParseResult parsed) => parsed.GetRequiredValue(_embeddings);

    /// <summary>Opens the files, after all that can be refused without them.</summary>
    /// <returns>The files, and how many threads search.</returns>
    public (EmbeddingTable Table, int Threads) Open(ParseResult parsed)
    {
        CommonOptions.RequireFolder(_sheet.Name, Sheet(parsed));
        CommonOptions.RequirePath(_images.Name, parsed.GetValue(_images));
        CommonOptions.RequirePath("the embeddings", Path(parsed));
        var run = new RunOptions { Threads = parsed.GetValue(_threads) };
        RecipeBinder.Require(run, "--threads");
        RunEnvironment.LoadTorch();
        var threads = run.Threads ?? Environment.ProcessorCount;
        set_num_threads(threads);
        return (EmbeddingTable.Open(Path(parsed)), threads);
    }

    /// <summary>The images; null where they are not needed for what is asked and cannot be found.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="facts">What the files say of them.</param>
    /// <param name="isNeeded">Whether they are needed in any case.</param>
    /// <param name="without">Is told why they cannot be found.</param>
    public EmbeddedImages? Images(ParseResult parsed, EmbeddingFacts? facts, bool isNeeded, Action<string> without)
    {
        try
        {
            return EmbeddedImages.Open(facts, parsed.GetValue(_images) is { } path ? System.IO.Path.GetFullPath(path) : null);
        }
        catch (SelfSupException e) when (!isNeeded && Sheet(parsed) is null && parsed.GetValue(_images) is null)
        {
            without(e.Message);
            return null;
        }
    }
}
