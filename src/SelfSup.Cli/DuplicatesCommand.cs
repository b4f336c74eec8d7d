using System.CommandLine;
using System.Globalization;
using System.Text;

using SelfSup.Errors;
using SelfSup.Recipes;
using SelfSup.Search;

namespace SelfSup.Cli;

/// <summary><c>selfsup duplicates EMBEDDINGS</c>.</summary>
internal sealed class DuplicatesCommand
{
    private const int PrintedGroups = 20;
    private const int DrawnGroups = 200;
    private const int DrawnPictures = 24;

    private const int FewImages = 50;

    private readonly EmbeddingArguments _arguments = new();

    private readonly Option<double?> _threshold = new("--threshold")
    {
        Description = $"The lowest similarity of near-duplicates, -1 to 1 (default: {new DuplicateOptions().Threshold.ToString(CultureInfo.InvariantCulture)})",
        HelpName = "t",
    };

    private readonly Option<string> _similarity = new("--similarity")
    {
        Description = "whitened: cosines after the mean is taken away and directions in which all images differ count less, so that one threshold does for " +
            "different networks; cosine: of embeddings as they are, which for features is high for any two images",
        HelpName = "whitened|cosine",
        DefaultValueFactory = _ => "whitened",
    };

    private readonly Option<int> _most = new("--most-pairs")
    {
        Description = "More pairs than this are an error: they are all in memory",
        HelpName = "n",
        DefaultValueFactory = _ => new DuplicateOptions().MostPairs,
    };

    private readonly Option<string?> _output = new("--out")
    {
        Description = "Writes all pairs as CSV: their similarity and of both images id, path and the id of the image to keep for it, which may be its own",
        HelpName = "pairs.csv",
    };

    public static Command Create()
    {
        var verb = new DuplicatesCommand();
        var command = new Command(
            "duplicates",
            "Finds images that show nearly the same: all pairs whose embeddings are similar enough, exactly, in groups around the " +
            "image to keep (most pixels, then most bytes), to which all others of its group are similar enough. Example: selfsup duplicates photos-embeddings.parquet --sheet duplicates.html --out pairs.csv");
        verb._arguments.AddTo(command);
        verb._similarity.AcceptOnlyFromAmong("whitened", "cosine");
        foreach (var option in new Option[] { verb._threshold, verb._similarity, verb._most, verb._output })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) => Task.FromResult(verb.Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var options = new DuplicateOptions { IsWhitened = parsed.GetValue(_similarity) == "whitened", MostPairs = parsed.GetValue(_most) };
        if (!options.IsWhitened && parsed.GetValue(_threshold) is null)
        {
            throw new RecipeException("--threshold: is missing, must be given with --similarity cosine, as what is near differs from network to network; 0.95 to 0.99 is usual");
        }

        options.Threshold = parsed.GetValue(_threshold) ?? options.Threshold;
        if (options.Threshold is not (>= -1 and <= 1))
        {
            throw new RecipeException($"--threshold: is {options.Threshold}, must be from -1 to 1; correct it");
        }

        RecipeBinder.Require(options, "duplicates");
        CommonOptions.RequireFolder("--out", parsed.GetValue(_output));
        using var signal = new SignalToken();
        var (table, _) = _arguments.Open(parsed);
        using var held = table;
        if (options.IsWhitened && table.Rows < FewImages)
        {
            ErrorReport.Warn($"{table.Rows} images are few to tell what all have in common: similarities say little; see --similarity cosine");
        }

        using var pictures = _arguments.Images(parsed, table.Facts, isNeeded: false, reason => ErrorReport.Warn(
            $"sizes of images are not known, so that the first of each group is kept: {reason}"));
        var thumbnails = pictures is null ? null : new Thumbnails(pictures.Source, pictures.MaxPixels);
        try
        {
            Search(parsed, options, table, pictures, thumbnails, signal.Token);
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("selfsup: stopped before all images were compared; nothing is written");
            return signal.ExitCode;
        }
    }

    private void Search(
        ParseResult parsed, DuplicateOptions options, EmbeddingTable table, EmbeddedImages? pictures, Thumbnails? thumbnails, CancellationToken cancellationToken)
    {
        IReadOnlyList<NearPair> pairs;
        using (var progress = CountProgress.ToError())
        {
            progress.Report(0, (int)table.Rows, "");
            pairs = new DuplicatePairs(options).Find(table, (done, total) => progress.Report((int)done, (int)total, ""), cancellationToken);
        }

        var images = table.Images(pairs.SelectMany(pair => new[] { pair.First, pair.Second }));
        var sizes = images.ToDictionary(image => image.Key, image => SizeOf(image.Value));
        var groups = DuplicateGroup.Of(pairs, row => sizes[row]);
        Print(table, options.Threshold, pairs, groups, images);
        if (parsed.GetValue(_output) is { } file)
        {
            CommonOptions.Write("--out", file, stream => Write(stream, pairs, groups, images));
        }

        if (_arguments.Sheet(parsed) is { } sheet)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var more = groups.Count > DrawnGroups ? string.Create(CultureInfo.InvariantCulture, $"; the first {DrawnGroups} of them are shown") : "";
            CommonOptions.Write("--sheet", sheet, stream => HtmlSheet.Write(
                stream,
                string.Create(CultureInfo.InvariantCulture, $"{groups.Count:N0} groups of near-duplicates"),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{pairs.Count:N0} pairs among {table.Rows:N0} images of {_arguments.Path(parsed)} reach the similarity {options.Threshold}{more}"),
                groups.Take(DrawnGroups).Select((group, number) => Drawn(group, number, sizes, images, pictures, thumbnails))));
        }

        (long Pixels, long Bytes) SizeOf(EmbeddedImage image)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return pictures?.IndexOf(image) is >= 0 and var index ? thumbnails!.SizeOf(index) : default;
        }
    }

    private static SheetGroup Drawn(
        DuplicateGroup group, int number, Dictionary<long, (long Pixels, long Bytes)> sizes, IReadOnlyDictionary<long, EmbeddedImage> images,
        EmbeddedImages? pictures, Thumbnails? thumbnails)
    {
        return new SheetGroup(
            string.Create(CultureInfo.InvariantCulture, $"Group {number + 1}"),
            string.Create(CultureInfo.InvariantCulture, $"{group.Count:N0} images"),
            group.Others.Take(DrawnPictures - 1).Select(other => Picture(other.Row, other.Similarity)).Prepend(Picture(group.Kept, null)),
            Math.Max(0, group.Count - DrawnPictures));

        SheetPicture Picture(long row, double? similarity)
        {
            var image = images[row];
            var index = pictures?.IndexOf(image) ?? -1;
            var picture = index < 0 ? null : thumbnails!.Make(index);
            var size = picture is null ? null : $"{picture.Size}, {Sizes.Bytes(sizes[row].Bytes)}";
            var name = image.Path ?? $"id {image.Id}";
            string[] lines = [.. new[] { similarity is null ? null : name, image.Class, size }.OfType<string>()];
            return new SheetPicture(picture, similarity is { } near ? Text(near) : name, lines, similarity is null ? "keep" : null);
        }
    }

    private static void Print(
        EmbeddingTable table, double threshold, IReadOnlyList<NearPair> pairs, IReadOnlyList<DuplicateGroup> groups,
        IReadOnlyDictionary<long, EmbeddedImage> images)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{table.Rows:N0} images: {pairs.Count:N0} pairs reach {threshold}, in {groups.Count:N0} groups; {groups.Sum(group => group.Others.Count):N0} images could go"));
        if (groups.Count == 0)
        {
            return;
        }

        TextTable.Print(
            ["images", "similarity", "keep", "others"],
            groups.Take(PrintedGroups).Select(group => new[]
            {
                group.Count.ToString(CultureInfo.InvariantCulture),
                group.Others is [var only] ? Text(only.Similarity) : $"{Text(group.Others[^1].Similarity)} to {Text(group.Others[0].Similarity)}",
                Name(group.Kept),
                string.Join(", ", group.Others.Take(3).Select(other => Name(other.Row))) + (group.Others.Count > 3 ? ", ..." : ""),
            }),
            foldsLast: false);
        if (groups.Count > PrintedGroups)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"and {groups.Count - PrintedGroups:N0} more groups; --out writes all, --sheet draws them"));
        }

        string Name(long row) => images[row].Path ?? images[row].Id.ToString(CultureInfo.InvariantCulture);
    }

    private static void Write(
        Stream stream, IReadOnlyList<NearPair> pairs, IReadOnlyList<DuplicateGroup> groups, IReadOnlyDictionary<long, EmbeddedImage> images)
    {
        var keptFor = groups.SelectMany(group => group.Others.Select(other => (other.Row, group.Kept))).ToDictionary();
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
        writer.Write("similarity,firstId,firstPath,firstKeptId,secondId,secondPath,secondKeptId\n");
        foreach (var pair in pairs)
        {
            string[] cells = [pair.Similarity.ToString("R", CultureInfo.InvariantCulture), .. Cells(pair.First), .. Cells(pair.Second)];
            writer.Write(string.Join(',', cells.Select(CsvCell.Of)) + "\n");
        }

        string[] Cells(long row) =>
        [
            images[row].Id.ToString(CultureInfo.InvariantCulture),
            images[row].Path ?? "",
            images[keptFor.GetValueOrDefault(row, row)].Id.ToString(CultureInfo.InvariantCulture),
        ];
    }

    private static string Text(double similarity) => similarity.ToString("0.000", CultureInfo.InvariantCulture);
}
