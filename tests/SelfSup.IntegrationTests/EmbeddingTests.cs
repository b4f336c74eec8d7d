using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>Embeddings of images as files, and what is searched in them.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public EmbeddingTests() => _workspace.Pretrain("run", "--set", "training.maxSteps=4", "--threads", "1").Succeeds();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AnEmbeddingThatIsKilledTwiceEndsWithTheSameBytes()
    {
        _workspace.Images("pictures", 240, 28);
        File.WriteAllText(_workspace["pictures", "circles", "0001.png"], "no image");
        string[] arguments =
            ["embed", "run", "--images", "pictures", "--threads", "1", "--shard-rows", "40", "--batch-size", "64", "--views", "16", "--on-unreadable", "skip"];
        var outcome = _workspace.Run([.. arguments, "--out", "whole.parquet"]).Succeeds();
        Assert.Contains("6 files, whole-*.parquet: 240 features", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("left out: 1 images, listed in whole.parquet.unreadable.txt", outcome.Output, StringComparison.Ordinal);
        foreach (var shard in new[] { "shard-00001.parquet", "shard-00003.parquet" })
        {
            using var process = SelfSupProcess.Start(_workspace["."], [.. arguments, "--out", "killed.parquet"]);
            process.WaitUntil(() => File.Exists(_workspace["killed.parquet.partial", shard]), $"{shard} was not begun");
            process.Signal("KILL");
            Assert.Equal(137, process.Wait().ExitCode);
            Assert.False(File.Exists(_workspace["killed-00000-of-00006.parquet"]));
        }

        outcome = _workspace.Run([.. arguments, "--out", "killed.parquet"]).Succeeds();
        Assert.Contains("goes on after", outcome.Output, StringComparison.Ordinal);
        for (var shard = 0; shard < 6; shard++)
        {
            var name = $"-{shard:D5}-of-00006.parquet";
            Assert.Equal(File.ReadAllBytes(_workspace["whole" + name]), File.ReadAllBytes(_workspace["killed" + name]));
        }

        Assert.Equal(File.ReadAllText(_workspace["whole.parquet.unreadable.txt"]), File.ReadAllText(_workspace["killed.parquet.unreadable.txt"]));
        Assert.False(Directory.Exists(_workspace["killed.parquet.partial"]));
    }

    [Fact]
    public void DevicesChangeNoByte()
    {
        _workspace.Images("pictures", 50, 28);
        string[] arguments = ["embed", "run", "--images", "pictures", "--batch-size", "8", "--of", "embeddings", "--dtype", "float16"];
        _workspace.Run([.. arguments, "--out", "one.parquet", "--threads", "1"]).Succeeds();
        _workspace.Run([.. arguments, "--out", "three.parquet", "--threads", "3", "--devices", "cpu:3"]).Succeeds();
        Assert.Equal(File.ReadAllBytes(_workspace["one.parquet"]), File.ReadAllBytes(_workspace["three.parquet"]));
    }

    [Fact]
    public void PlantedNearDuplicatesAreFound()
    {
        PhotographLike.Write(_workspace["photos"], 120, 50);
        PretrainForPhotos();
        _workspace.Run("embed", "wide", "--images", "photos", "--out", "photos.parquet", "--threads", "1").Succeeds();
        var outcome = _workspace.Run("duplicates", "photos.parquet", "--out", "pairs.csv", "--sheet", "pairs.html", "--threads", "1").Succeeds();
        var pairs = File.ReadLines(_workspace["pairs.csv"]).Skip(1).Select(line => line.Split(',')).ToArray();
        var planted = pairs.Count(cells => Original(cells[2]) == Original(cells[5]));
        Assert.True(planted == 50, $"{planted} of 50 found\n{outcome.Output}");
        Assert.True(pairs.Length - planted <= 5, $"{pairs.Length - planted} pairs are of different pictures\n{outcome.Output}");
        // The original has more pixels or bytes than its copy, and is kept for both.
        Assert.All(
            pairs.Where(cells => Original(cells[2]) == Original(cells[5])),
            cells => Assert.Equal(cells[2].Contains("-copy", StringComparison.Ordinal) ? (cells[4], cells[4]) : (cells[1], cells[1]), (cells[3], cells[6])));
        var page = File.ReadAllText(_workspace["pairs.html"]);
        Assert.Contains("groups of near-duplicates", page, StringComparison.Ordinal);
        Assert.Contains("data:image/jpeg;base64,", page, StringComparison.Ordinal);
        Assert.DoesNotContain("not found", page, StringComparison.Ordinal);

        static string Original(string name) => name.Replace("-copy", "", StringComparison.Ordinal);
    }

    [Fact]
    public void NeighboursOfAFileAndOfAnEmbeddedImageAreFound()
    {
        PhotographLike.Write(_workspace["photos"], 40, 3);
        File.Move(_workspace["photos", "002-copy.jpg"], _workspace["query.jpg"]);
        PretrainForPhotos();
        _workspace.Run("embed", "wide", "--images", "photos", "--out", "photos.parquet", "--threads", "1").Succeeds();
        var outcome = Neighbors("--query", "query.jpg", "--query-id", "0", "--query-path", "001-copy.jpg", "-k", "3", "--json", "found.json", "--sheet", "found.html").Succeeds();
        Assert.Contains("nearest to query.jpg:", outcome.Output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(File.ReadAllBytes(_workspace["found.json"]));
        var queries = json.RootElement.GetProperty("queries").EnumerateArray().ToDictionary(
            query => query.GetProperty("query").GetString()!, query => query.GetProperty("neighbours").EnumerateArray().ToArray());
        Assert.Equal(["id 0", "001-copy.jpg", "query.jpg"], queries.Keys);
        Assert.All(queries.Values, neighbours => Assert.Equal(3, neighbours.Length));
        Assert.Equal("002.jpg", queries["query.jpg"][0].GetProperty("path").GetString());
        Assert.Equal("001.jpg", queries["001-copy.jpg"][0].GetProperty("path").GetString());
        Assert.Equal("000.jpg", queries["id 0"][0].GetProperty("path").GetString()); // id 0 is 000-copy.jpg
        Assert.True(queries["query.jpg"][0].GetProperty("similarity").GetDouble() > 0.9);

        // Images and network may have moved.
        Directory.Move(_workspace["photos"], _workspace["moved"]);
        Directory.Move(_workspace["wide"], _workspace["moved run"]);
        Neighbors("--query-id", "0", "--sheet", "again.html").IsOneLine(3, "photos: there is no such file or folder");
        Neighbors("--query-id", "0", "--sheet", "again.html", "--images", "moved").Succeeds();
        Neighbors("--query", "query.jpg").IsOneLine(4, "the network that made the embeddings is not there any more", "--model");
        Neighbors("--query", "query.jpg", "--model", "moved run").Succeeds();
        Neighbors("--query", "query.jpg", "--model", "run").IsOneLine(4, "has other weights", "than the network that made the embeddings");
    }

    [Fact]
    public void WhatCannotBeIsRefusedInOneLine()
    {
        _workspace.Images("pictures", 6, 28);
        string[] embed = ["embed", "run", "--images", "pictures", "--threads", "1", "--out", "e.parquet"];
        _workspace.Run(["embed", "run", "--images", "pictures", "--out", "e.txt"]).IsOneLine(2, "must end in .parquet");
        _workspace.Run([.. embed, "--batch-size", "0"]).IsOneLine(2, "batchSize");
        _workspace.Run([.. embed, "--devices", "cuda:0"]).IsOneLine(2, "--devices cuda:0: 'cuda:0' is no GPU");
        _workspace.Run([.. embed, "--precision", "tf32"]).IsOneLine(2, "--precision: tf32");
        _workspace.Run(["embed", "run", "--images", "nowhere", "--out", "e.parquet"]).IsOneLine(3, "nowhere: there is no such file or folder");
        _workspace.Run(embed).Succeeds();
        _workspace.Run(embed).IsOneLine(2, "e.parquet: exists already", "--overwrite");
        Refused(2, "--threshold", "duplicates", "e.parquet", "--threshold", "1.5");
        Refused(2, "is reached by more than 3 pairs", "duplicates", "e.parquet", "--threshold", "-1", "--most-pairs", "3", "--similarity", "cosine");
        Refused(2, "--threshold: is missing, must be given with --similarity cosine", "duplicates", "e.parquet", "--similarity", "cosine");
        Refused(2, "--query: is missing", "neighbors", "e.parquet");
        Refused(2, "-k: is 0", "neighbors", "e.parquet", "--query-id", "1", "-k", "0");
        Refused(3, "--query-id: no image has the id 77", "neighbors", "e.parquet", "--query-id", "77");
        Refused(3, "--query-path: no image has the path 'x'", "neighbors", "e.parquet", "--query-path", "x");
        Refused(3, "x.jpg: there is no such file", "neighbors", "e.parquet", "--query", "x.jpg");
        File.WriteAllBytes(_workspace["x.jpg"], [0xFF, 0xD8, 0xFF, 1]);
        Refused(3, "; look up another image", "neighbors", "e.parquet", "--query", "x.jpg");
        Refused(2, "--recipe: has no effect without --query", "neighbors", "e.parquet", "--query-id", "1", "--recipe", "tiny.yaml");
        Refused(2, "--recipe: is of weights of another program", "embed", "run", "--recipe", "tiny.yaml", "--images", "pictures", "--out", "f.parquet");
        Refused(3, "has no column 'embedding'", "duplicates", Repository.TestImages);
        File.WriteAllText(_workspace["text.parquet"], "no Parquet, but longer than twelve bytes");
        Refused(3, "text.parquet: not a Parquet file", "duplicates", "text.parquet");
        Refused(2, "--sheet", "duplicates", "e.parquet", "--sheet", "nowhere/sheet.html");

        void Refused(int exitCode, string text, params string[] arguments) => _workspace.Run([.. arguments, "--threads", "1"]).IsOneLine(exitCode, text);
    }

    /// <summary>A network that has seen hardly anything, but is large enough to tell colours, textures and shapes apart.</summary>
    private void PretrainForPhotos()
    {
        var recipe = File.ReadAllText(_workspace["tiny.yaml"])
            .Replace("size: 28", "size: 64", StringComparison.Ordinal)
            .Replace("resnet20, width: 0.25", "resnet18, width: 0.5", StringComparison.Ordinal);
        File.WriteAllText(_workspace["wide.yaml"], recipe);
        _workspace.Run(
            "pretrain", "wide.yaml", "--run", "wide", "--threads", "1", "--set", "training.maxSteps=1", "--set", "training.globalBatchSize=8", "--set", "evaluation.test=").Succeeds();
    }

    private Outcome Neighbors(params string[] arguments) => _workspace.Run(["neighbors", "photos.parquet", "--threads", "1", .. arguments]);
}
