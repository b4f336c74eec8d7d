using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Runs;
using SelfSup.Search;
using SelfSup.Training;

namespace SelfSup.Cli;

/// <summary><c>selfsup neighbors EMBEDDINGS --query IMAGE</c>.</summary>
internal sealed class NeighborsCommand
{
    private const int MostNeighbours = 10_000;

    private readonly EmbeddingArguments _arguments = new();

    private readonly Option<string[]> _query = new("--query")
    {
        Description = "An image to look up; the network that made the embeddings embeds it (may be repeated)",
        HelpName = "image",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<long[]> _queryId = new("--query-id")
    {
        Description = "An image that is embedded already, by its id; no network is needed (may be repeated)",
        HelpName = "n",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _queryPath = new("--query-path")
    {
        Description = "The same by its path as the embeddings have it (may be repeated)",
        HelpName = "path",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<int> _neighbours = new("--neighbours", "-k")
    {
        Description = "How many of the nearest images",
        HelpName = "k",
        DefaultValueFactory = _ => 10,
    };

    private readonly Option<string?> _model = new("--model")
    {
        Description = "Where the network is now that made the embeddings: a run, a checkpoint or an exported file (default: where it was)",
        HelpName = "run",
    };

    private readonly Option<string?> _recipe = BackboneArguments.ForeignRecipe();

    private readonly Option<string?> _json = new("--json") { Description = "Writes what was found", HelpName = "file" };
    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();

    public static Command Create()
    {
        var verb = new NeighborsCommand();
        var command = new Command(
            "neighbors",
            "Finds the images whose embeddings are nearest to that of an image, exactly, by the cosine. " +
            "Example: selfsup neighbors photos-embeddings.parquet --query holiday.jpg --sheet found.html");
        verb._arguments.AddTo(command);
        foreach (var option in new Option[] { verb._query, verb._queryId, verb._queryPath, verb._neighbours, verb._model, verb._recipe, verb._json, verb._assemblies })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) => Task.FromResult(verb.Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var (files, ids, paths) = (parsed.GetValue(_query)!, parsed.GetValue(_queryId)!, parsed.GetValue(_queryPath)!);
        if (files.Length + ids.Length + paths.Length == 0)
        {
            throw new RecipeException("--query: is missing, must name an image to look up; or name one that is embedded by --query-id or --query-path");
        }

        var k = parsed.GetValue(_neighbours);
        if (k is < 1 or > MostNeighbours)
        {
            throw new RecipeException($"-k: is {k}, must be from 1 to {MostNeighbours:N0}; correct it");
        }

        if (files.Length == 0 && new[] { (_model.Name, parsed.GetValue(_model)), (_recipe.Name, parsed.GetValue(_recipe)) }.FirstOrDefault(
            flag => flag.Item2 is not null) is (not null, _) idle)
        {
            throw new RecipeException($"{idle.Name}: has no effect without --query, as other images are embedded already; leave it out");
        }

        CommonOptions.RequireFolder("--json", parsed.GetValue(_json));
        var (table, threads) = _arguments.Open(parsed);
        using var _ = table;
        using var pictures = _arguments.Sheet(parsed) is null ? null : _arguments.Images(parsed, table.Facts, isNeeded: true, _ => { });
        List<Query> queries = [.. Known(table, ids, paths), .. files.Length > 0 ? Embedded(parsed, table, files, threads) : []];
        var found = NeighbourTable.Find(table, [.. queries.Select(query => query.Embedding)], [.. queries.Select(query => query.Row)], k);
        var images = table.Images(found.SelectMany(rows => rows).Select(near => near.Row).Concat(queries.Select(query => query.Row).OfType<long>()));
        Print(queries, found, images);
        if (parsed.GetValue(_json) is { } file)
        {
            CommonOptions.Write("--json", file, stream => JsonSerializer.Serialize(stream, Report(queries, found, images), CheckpointManifest.Json));
        }

        if (_arguments.Sheet(parsed) is { } sheet)
        {
            CommonOptions.Write("--sheet", sheet, stream => HtmlSheet.Write(
                stream,
                "Nearest images",
                string.Create(CultureInfo.InvariantCulture, $"among the {table.Rows:N0} of {_arguments.Path(parsed)}, by the cosine of their embeddings"),
                Groups(queries, found, images, pictures!)));
        }

        return ExitCodes.Success;
    }

    private static IEnumerable<Query> Known(EmbeddingTable table, long[] ids, string[] paths)
    {
        var byId = table.Find(ids.ToHashSet(), image => image.Id);
        foreach (var id in ids)
        {
            yield return byId.TryGetValue(id, out var row) ? new Query(null, row, table.Embedding(row), $"id {id}") : throw new DataException(
                $"--query-id: no image has the id {id}; see which there are, such as {table.Images([0])[0].Id}");
        }

        var byPath = table.Find(paths.ToHashSet(), image => image.Path);
        foreach (var path in paths)
        {
            yield return byPath.TryGetValue(path, out var row) ? new Query(null, row, table.Embedding(row), path) : throw new DataException(
                $"--query-path: no image has the path '{path}'; see which there are, such as '{table.Images([0])[0].Path}', or look up a file by --query");
        }
    }

    private List<Query> Embedded(ParseResult parsed, EmbeddingTable table, string[] files, int threads)
    {
        if (table.Facts is not { } facts)
        {
            throw new DataException(
                $"{_arguments.Path(parsed)}: does not say which network made its embeddings (another program has written it anew), so that no other image can be "
                + "embedded by it; look up one that is embedded, by --query-id");
        }

        var place = parsed.GetValue(_model) ?? facts.Network.Model;
        if (parsed.GetValue(_model) is null && !File.Exists(place) && !Directory.Exists(place))
        {
            throw new CheckpointException($"{place}: the network that made the embeddings is not there any more; say by --model where it is");
        }

        var device = Devices.Find(DeviceKind.Auto);
        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        using var backbone = TrainedBackbone.Load(
            place, reader, device, facts.Of, facts.Precision, BackboneArguments.Read(parsed.GetValue(_recipe), reader));
        var embedder = new BackboneEmbedder(backbone, reader, threads);
        return [.. files.Select(file => embedder.Embed(file, facts) is var embedding && embedding.Length == table.Width
            ? new Query(file, null, embedding, file)
            : throw new DataException(
                $"{_arguments.Path(parsed)}: its embeddings have {table.Width} numbers, the network makes {embedding.Length}; name a file as selfsup embed wrote it"))];
    }

    private static void Print(
        IReadOnlyList<Query> queries, IReadOnlyList<IReadOnlyList<NearRow>> found, IReadOnlyDictionary<long, EmbeddedImage> images)
    {
        foreach (var (query, rows) in queries.Zip(found))
        {
            Console.WriteLine($"nearest to {query.Name}:");
            TextTable.Print(
                ["rank", "similarity", "id", "path", "class"],
                rows.Select((near, rank) => new[]
                {
                    Text(rank + 1), near.Similarity.ToString("0.0000", CultureInfo.InvariantCulture), Text(images[near.Row].Id),
                    images[near.Row].Path ?? "", ClassOf(images[near.Row]) ?? "",
                }),
                foldsLast: false);
        }
    }

    private static object Report(
        IReadOnlyList<Query> queries, IReadOnlyList<IReadOnlyList<NearRow>> found, IReadOnlyDictionary<long, EmbeddedImage> images) => new
        {
            queries = queries.Zip(found, (query, rows) => new
            {
                query = query.Name,
                id = query.Row is { } row ? images[row].Id : (long?)null,
                neighbours = rows.Select((near, rank) => new
                {
                    rank = rank + 1,
                    similarity = near.Similarity,
                    id = images[near.Row].Id,
                    path = images[near.Row].Path,
                    label = images[near.Row].Label,
                    @class = images[near.Row].Class,
                }),
            }),
        };

    private static IEnumerable<SheetGroup> Groups(
        IReadOnlyList<Query> queries, IReadOnlyList<IReadOnlyList<NearRow>> found, IReadOnlyDictionary<long, EmbeddedImage> images, EmbeddedImages pictures)
    {
        var thumbnails = new Thumbnails(pictures.Source, pictures.MaxPixels);
        foreach (var (query, rows) in queries.Zip(found))
        {
            yield return new SheetGroup($"Nearest to {query.Name}", "", rows.Select(near => Picture(
                near.Row, near.Similarity.ToString("0.0000", CultureInfo.InvariantCulture), null)).Prepend(OfQuery(query)));
        }

        SheetPicture OfQuery(Query query)
        {
            if (query.Row is { } row)
            {
                return Picture(row, images[row].Path ?? "", "query");
            }

            using var single = BackboneEmbedder.Single(query.File!);
            return new SheetPicture(new Thumbnails(single, pictures.MaxPixels).Make(0), Path.GetFileName(query.File!), [], "query");
        }

        SheetPicture Picture(long row, string headline, string? tag)
        {
            var image = images[row];
            var index = pictures.IndexOf(image);
            string[] lines = [.. new[] { ClassOf(image), tag is null ? image.Path ?? $"id {image.Id}" : null }.OfType<string>()];
            return new SheetPicture(index < 0 ? null : thumbnails.Make(index), headline, lines, tag);
        }
    }

    private static string? ClassOf(EmbeddedImage image) => image.Class ?? (image.Label is { } label ? Text(label) : null);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What is looked up.</summary>
    private sealed record Query(string? File, long? Row, float[] Embedding, string Name);
}
