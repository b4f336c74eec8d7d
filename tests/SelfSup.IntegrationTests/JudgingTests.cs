using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>The verbs that judge a backbone by sets of images.</summary>
public sealed class JudgingTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public JudgingTests() => _workspace.Pretrain("run", "--set", "training.maxSteps=4", "--threads", "1").Succeeds();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ABackboneIsJudgedByRetrievalVerificationEpisodesAndClusters()
    {
        Judge("retrieval", "recallAt", "--recall-at", "1,5", "--whole-ranking", "--of", "embeddings");
        Judge("retrieval", "recallAt", "--recall-at", "1", "--reference", Repository.TrainImages, "--reference-limit", "200");
        Judge("verify", "rocArea", "--draw", "200", "--folds", "4");
        Judge("episodes", "nearestPrototype", "--ways", "3", "--queries", "4", "--episodes", "20", "--distance", "euclidean");
        Judge("clusters", "nmi", "--restarts", "2", "--classes", "Bag,Coat,Shirt");
    }

    [Fact]
    public void PairsMayBeListed()
    {
        File.WriteAllText(_workspace["pairs.csv"], "first,second,same\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{i + 1},{i % 2}\n")));
        var outcome = Judge("verify", "foldAccuracy", "--pairs", "pairs.csv", "--folds", "4");
        Assert.Contains("pairs are dealt into 4 folds", outcome.Output, StringComparison.Ordinal);
        Run("verify", "--pairs", "pairs.csv", "--draw", "100").IsOneLine(2, "--draw: has no effect with --pairs");
        File.WriteAllText(_workspace["pairs.csv"], "first,second,same\n0,1,1\n0,100000,0\n");
        IsEarly(Run("verify", "--pairs", "pairs.csv"), 3, "'100000' (line 3, second)");
        File.WriteAllText(_workspace["pairs.csv"], "first,second,same,fold\n0,1,1,0\n0,2,0,1\n");
        IsEarly(Run("verify", "--pairs", "pairs.csv", "--folds", "2"), 2, "--folds: has no effect with pairs.csv, whose column 'fold'");
        IsEarly(Run("verify", "--pairs", "pairs.csv", "--seed", "2"), 2, "--seed: has no effect with pairs.csv");
        IsEarly(Run("verify", "--pairs", "pairs.csv"), 3, "pairs.csv: without fold 0 the pairs are not of both kinds");
        IsEarly(Run("verify", "--pairs", ""), 2, "--pairs: is empty");
    }

    [Fact]
    public void ImagesAreIdentified()
    {
        var gallery = _workspace.Images("gallery", 12, 28);
        var queries = _workspace.Images("queries", 6, 28);
        Directory.CreateDirectory(_workspace["queries", "stranger"]);
        File.Copy(_workspace["queries", "circles", "0000.png"], _workspace["queries", "stranger", "a,b.png"]);
        var outcome = Run("identify", "--gallery", gallery, "--query", queries, "--out", "found.csv", "--json", "found.json").Succeeds();
        Assert.Contains("of unknown: rejected", outcome.Output, StringComparison.Ordinal);
        var lines = File.ReadAllLines(_workspace["found.csv"]);
        Assert.Equal(8, lines.Length);
        Assert.Equal("image,identity,similarity,nearest,nearestIdentity,truth", lines[0]);
        Assert.StartsWith("circles/0000.png,", lines[1], StringComparison.Ordinal);
        Assert.EndsWith(",circles/0000.png,circles,circles", lines[1], StringComparison.Ordinal); // the very image is enrolled
        Assert.StartsWith("\"stranger/a,b.png\",", lines[7], StringComparison.Ordinal);
        using var json = JsonDocument.Parse(File.ReadAllBytes(_workspace["found.json"]));
        var found = json.RootElement.GetProperty("encoder");
        Assert.Equal((6, 1, 2), (found.GetProperty("known").GetInt32(), found.GetProperty("unknown").GetInt32(), found.GetProperty("identities").GetInt32()));
        Assert.Equal(1, found.GetProperty("rank1").GetDouble());

        Run("identify", "--gallery", gallery, "--query", queries, "--threshold", "1.5").IsOneLine(2, "--threshold: is 1.5, must be a cosine from -1 to 1");
        Run("identify", "--gallery", gallery).IsOneLine(2, "--query: is missing");
        Directory.CreateDirectory(_workspace["nothing"]);
        Run("identify", "--gallery", gallery, "--query", "nothing").IsOneLine(3, "nothing: holds no images");
        Directory.CreateDirectory(_workspace["one"]);
        Directory.Move(_workspace["gallery", "circles"], _workspace["one", "circles"]);
        IsEarly(Run("identify", "--gallery", "one", "--query", queries), 3, "must be of at least two for a threshold; or give one");
        string[] near = ["--gallery", "one", "--query", queries, "--distance", "euclidean", "--threshold"];
        outcome = Run("identify", [.. near, "-0.001"]).Succeeds();
        Assert.Contains("6 images of 1 class and 7 images of 3 classes", outcome.Output, StringComparison.Ordinal);
        Assert.Matches(@"threshold +-0\.0010 +-0\.0010", outcome.Output);
        IsEarly(Run("identify", [.. near, "0.5"]), 2, "--threshold: is 0.5, must be a distance with a minus");
    }

    [Fact]
    public void MistakesAreSaid()
    {
        Run("retrieval", "--recall-at", "1,many").IsOneLine(2, "--recall-at: 'many' is not a number");
        IsEarly(Run("retrieval", "--recall-at", "64"), 2, "recall at 64, must be at numbers from 1 to 63");
        IsEarly(Run("retrieval", "--classes", "Bag"), 3, "are of one class");
        IsEarly(Run("retrieval", "--classes", "Bags"), 3, "'classes' names 'Bags', which is no class of these images; did you mean Bag?");
        IsEarly(Run("retrieval", "--classes", ""), 2, "--classes: names no class, must name at least one");
        Run("episodes", "--ways", "1").IsOneLine(2, "episodes: ways: must be from 2 to 10000, is 1");
        IsEarly(Run("episodes", "--ways", "50"), 3, "must be at least 50");
        IsEarly(Run("clusters", "--clusters", "65"), 3, "64 images cannot be 65 clusters");
        IsEarly(Run("verify", "--draw", "10"), 2, "verification: 10 pairs, must be at least 20 for 10 folds");
        SelfSupProcess.Run(_workspace["."], ["retrieval", "run/backbone.safetensors", "--of", "embeddings", "--threads", "1"])
            .IsOneLine(4, "holds a backbone without its head");
    }

    /// <summary>Refused before all images have been through the network.</summary>
    private static void IsEarly(Outcome outcome, int exitCode, string part)
    {
        outcome.IsOneLine(exitCode, part);
        Assert.DoesNotContain("judging this backbone", outcome.Output, StringComparison.Ordinal);
    }

    private Outcome Judge(string verb, string key, params string[] more)
    {
        var outcome = Run(verb, [.. more, "--json", "report.json"]).Succeeds();
        Assert.Contains("random initialisation", outcome.Output, StringComparison.Ordinal);
        var json = File.ReadAllText(_workspace["report.json"]);
        Assert.Contains($"\"{key}\"", json, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(json);
        Assert.NotEqual(
            document.RootElement.GetProperty("encoder").GetRawText(), document.RootElement.GetProperty("randomInitialisation").GetRawText());
        return outcome;
    }

    private Outcome Run(string verb, params string[] more) => SelfSupProcess.Run(_workspace["."], [verb, "run", "--threads", "1", .. more]);
}
