using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>measure-retrieval</c>: Recall@k, R-precision and MAP@R of made-up embeddings among so many others, or of the whole set among
/// itself: how long it takes, and how much memory beside the embeddings.
/// </summary>
internal static class MeasureRetrieval
{
    public static Command Command()
    {
        var images = Arguments.Count("--images", "M, embeddings that are searched.", 1_000_000);
        var queries = new Option<int>("--queries") { Description = "Queries; 0 for all images among themselves.", DefaultValueFactory = _ => 10_000 };
        var width = Arguments.Count("--width", "D, the width of an embedding.", 128);
        var classes = Arguments.Count("--classes", "Classes, all equally large: R is images over classes.", 10_000);
        var threads = Arguments.Count("--threads", "Threads of libtorch.", Environment.ProcessorCount);
        var euclidean = new Option<bool>("--euclidean") { Description = "By Euclidean distance instead of the cosine." };
        var whole = new Option<bool>("--whole-ranking") { Description = "Also MAP and MRR." };
        var rounds = Arguments.Count("--rounds", "How often it is measured.", 1);
        var command = new Command("measure-retrieval", "Time and memory of the exact search of many embeddings, with retrieval measures.")
        {
            images, queries, width, classes, threads, euclidean, whole, rounds,
        };
        command.SetAction(parsed =>
        {
            set_num_threads(parsed.GetValue(threads));
            var (count, asked, kinds) = (parsed.GetValue(images), parsed.GetValue(queries), parsed.GetValue(classes));
            using var scope = NewDisposeScope();
            using var reference = Embeddings("reference", count, parsed.GetValue(width), kinds, seed: 1);
            using var query = asked == 0 ? null : Embeddings("queries", asked, parsed.GetValue(width), kinds, seed: 2);
            var retrieval = new Retrieval(new()
            {
                RecallAt = [1, 10, 100],
                Distance = parsed.GetValue(euclidean) ? FeatureDistance.Euclidean : FeatureDistance.Cosine,
                WholeRanking = parsed.GetValue(whole),
            });
            // Code is compiled, and memory that it needs in any case is taken, before anything is measured.
            using (var few = Embeddings("few", 3000, parsed.GetValue(width), 20, seed: 3))
            {
                _ = retrieval.Evaluate(few);
            }

            var before = Machine.ResidentMegabytes().Now;
            var (seconds, most) = (new List<double>(), before);
            RetrievalReport? report = null;
            for (var round = 0; round < parsed.GetValue(rounds); round++)
            {
                using var watch = new Timer(_ => most = Math.Max(most, Machine.ResidentMegabytes().Now), null, 0, 20);
                var started = TimeProvider.System.GetTimestamp();
                report = query is null ? retrieval.Evaluate(reference) : retrieval.Evaluate(query, reference);
                seconds.Add(TimeProvider.System.GetElapsedTime(started).TotalSeconds);
                Report.Progress($"round {round}: {seconds[^1]:F1} s");
            }

            var products = (double)count * report!.Queries * parsed.GetValue(width);
            Report.Print(new JsonObject
            {
                ["images"] = count,
                ["queries"] = report.Queries,
                ["width"] = parsed.GetValue(width),
                ["imagesOfAClass"] = count / kinds,
                ["distance"] = parsed.GetValue(euclidean) ? "euclidean" : "cosine",
                ["wholeRanking"] = parsed.GetValue(whole),
                ["threads"] = parsed.GetValue(threads),
                ["machine"] = Machine.Describe(),
                ["versions"] = Machine.Versions(),
                ["secondsMedian"] = Report.Rounded(Report.Median(seconds)),
                ["smallest"] = Report.Rounded(seconds.Min()),
                ["largest"] = Report.Rounded(seconds.Max()),
                ["gigaflopsMedian"] = Report.Rounded(2e-9 * products / Report.Median(seconds)),
                ["embeddingMegabytes"] = Report.Rounded(Machine.Megabytes(4L * parsed.GetValue(width) * (count + asked))),
                ["peakMegabytesMoreThanBefore"] = Report.Rounded(most - before),
                ["measures"] = Report.Table(report.Numbers.Select(n => (n.Key, n.Value))),
            });
            return 0;
        });
        return command;
    }

    // Around a centre for each class, so that some but not all neighbours are right.
    private static FeatureSet Embeddings(string name, int count, int width, int classes, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var ofCentres = new Generator(100);
        using var generator = new Generator(seed);
        var centres = randn([classes, width], generator: ofCentres);
        var labels = Enumerable.Range(0, count).Select(i => (long)(i % classes)).ToArray();
        var embeddings = randn([count, width], generator: generator).mul_(2).add_(centres.index_select(0, tensor(labels)));
        return new FeatureSet(name, embeddings.MoveToOuterDisposeScope(), labels);
    }
}
