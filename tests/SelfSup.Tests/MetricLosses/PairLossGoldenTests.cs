using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Tests.Support;

using static SelfSup.Tests.Losses.LossGolden;
using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Losses over pairs and triplets, and what miners choose, against the reference implementations.</summary>
internal static class PairLossGoldenTests
{
    private static readonly NoOptions _none = new();

    [GoldenComponent("classic_pairs_triplets")]
    internal static void ClassicLossesMatchTheReference(GoldenCase golden)
    {
        var margin = Parameter(golden, "margin");
        foreach (var output in golden.Outputs.EnumerateObject())
        {
            var inputs = golden.Inputs.EnumerateObject().Where(i => i.Name != "similar")
                .ToDictionary(i => i.Name, i => Learned(i.Value));
            var loss = output.Name switch
            {
                "siamese_sq" => SiameseContrastive.Squared(inputs["x0"], inputs["x1"], Similar(), margin),
                "hadsell" => SiameseContrastive.Hadsell(inputs["x0"], inputs["x1"], Similar(), margin),
                "triplet_sq" => Triplet(new SquaredEuclidean(_none), inputs, margin),
                "triplet_euclid" => Triplet(new Euclidean(_none), inputs, margin),
                var other => throw new InvalidOperationException($"no such loss: {other}"),
            };
            Close(output.Value, loss);
            GradientsAreClose(loss, [.. inputs.Select(i => (golden.Gradients.GetProperty($"{output.Name}.{i.Key}"), i.Value))]);
        }

        Tensor Similar() => GoldenCase.Tensor(golden.Input("similar"));

        static Tensor Triplet(Distance distance, Dictionary<string, Tensor> inputs, double margin) => TripletMargin.Rows(
            distance.Rows(inputs["anchor"], inputs["positive"]), distance.Rows(inputs["anchor"], inputs["negative"]), margin);
    }

    [GoldenComponent("pml_contrastive")]
    internal static void ContrastiveMatchesTheReference(GoldenCase golden)
    {
        var masks = Masks(golden);
        var (positive, negative) = (Parameter(golden, "pos_margin"), Parameter(golden, "neg_margin"));
        if (golden.Params.GetProperty("distance").GetString() == "cos")
        {
            (positive, negative) = (1 - positive, 1 - negative); // margins of similarities there
        }

        foreach (var (output, gradient, averaging) in new[]
        {
            ("loss", "x", Averaging.NonZero), ("loss_mean_reducer", "x_mean_reducer", Averaging.All),
        })
        {
            var x = Learned(golden.Input("x"));
            var loss = PairwiseContrastive.Loss(Distances(golden, x), masks, positive, negative, averaging);
            Close(golden.Outputs.GetProperty(output), loss);
            GradientsAreClose(loss, (golden.Gradients.GetProperty(gradient), x));
        }
    }

    /// <summary>Where all triplets count they are listed and not listed in turn.</summary>
    [GoldenComponent("pml_triplet")]
    internal static void TripletsMatchTheReference(GoldenCase golden)
    {
        var masks = Masks(golden);
        var mining = golden.Params.GetProperty("mining").GetString()!;
        foreach (var (output, gradient, averaging) in new[]
        {
            ("loss", "x", Averaging.NonZero), ("loss_mean", "x_loss_mean", Averaging.All),
        })
        {
            var settings = new TripletSettings(Parameter(golden, "margin"), Averaging: averaging);
            var x = Learned(golden.Input("x"));
            var distances = Distances(golden, x);
            var triplets = Mine(mining, distances.detach(), masks, Parameter(golden, "miner_margin"));
            Assert.Equal(golden.Outputs.GetProperty("num_triplets").GetInt64(), triplets.Count);
            if (triplets.Count > 0) // of nothing there is no memory to read
            {
                Close(golden.Outputs.GetProperty("triplets"), stack([triplets.Anchor, triplets.Positive, triplets.Negative], 1));
            }

            var loss = TripletMargin.Loss(distances, triplets, settings);
            Close(golden.Outputs.GetProperty(output), loss);
            GradientsAreClose(loss, (golden.Gradients.GetProperty(gradient), x));
            if (mining == "none")
            {
                var again = TripletMargin.Loss(Distances(golden, x), masks, settings);
                Close(golden.Outputs.GetProperty(output), again);
                GradientsAreClose(again, (golden.Gradients.GetProperty(gradient), x));
            }
        }
    }

    [GoldenComponent("pml_ntxent")]
    internal static void NtXentOfLabelsMatchesTheReference(GoldenCase golden)
    {
        var x = Learned(golden.Input("x"));
        var loss = NtXentPairs.Loss(Cosines(x), Masks(golden), Temperature(golden));
        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, (golden.Gradients.GetProperty("x"), x));
    }

    [GoldenComponent("npairs")]
    internal static void NPairsMatchTheReference(GoldenCase golden)
    {
        if (golden.Params.TryGetProperty("l2_reg", out var weight))
        {
            var (anchors, positives) = (Learned(golden.Input("anchors")), Learned(golden.Input("positives")));
            var (entropy, regulariser) = (NPair.Loss(anchors, positives), NPair.Regulariser(anchors, positives) * weight.GetDouble());
            Close(golden.Outputs.GetProperty("cross_entropy"), entropy);
            Close(golden.Outputs.GetProperty("regulariser"), regulariser);
            var sum = entropy + regulariser;
            Close(golden.Outputs.GetProperty("loss"), sum);
            GradientsAreClose(
                sum, (golden.Gradients.GetProperty("anchors"), anchors), (golden.Gradients.GetProperty("positives"), positives));
            return;
        }

        var x = Learned(golden.Input("x"));
        var regularised = golden.Params.TryGetProperty("embedding_reg_weight", out var ofLengths);
        var embeddings = regularised || golden.Params.GetProperty("normalize_embeddings").GetBoolean() ? Unit(x) : x;
        var (a, p) = NPair.Pairs(GoldenCase.Tensor(golden.Input("labels")), Masks(golden));
        if (golden.Outputs.TryGetProperty("pairs", out var pairs))
        {
            Close(pairs, stack([a, p], 1));
        }

        var loss = NPair.Loss(embeddings.index_select(0, a), embeddings.index_select(0, p));
        if (regularised)
        {
            loss += x.norm(1).mean() * ofLengths.GetDouble(); // the reference's, which is not offered: lengths that are not squared
        }

        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, (golden.Gradients.GetProperty("x"), x));
    }

    [GoldenComponent("structured_losses")]
    internal static void StructuredLossesMatchTheReference(GoldenCase golden)
    {
        var x = Learned(golden.Input("x"));
        var masks = Masks(golden);
        var has = golden.Params.EnumerateObject().Select(p => p.Name).ToHashSet();
        Tensor loss;
        if (has.Contains("neg_margin"))
        {
            var distances = new Euclidean(_none).Matrix(Unit(x), Unit(x));
            var (negative, positive) = (Parameter(golden, "neg_margin"), Parameter(golden, "pos_margin"));
            loss = golden.Name.StartsWith("gen", StringComparison.Ordinal)
                ? LiftedStructure.GeneralisedLoss(distances, masks, negative, positive)
                : LiftedStructure.Loss(distances, masks, negative, positive);
        }
        else if (has.Contains("alpha"))
        {
            var cosines = Cosines(x);
            if (has.Contains("epsilon"))
            {
                masks = PairMining.MultiSimilarity(1 - cosines, masks, Parameter(golden, "epsilon"));
                Close(golden.Outputs.GetProperty("positive_pairs"), masks.Positive.nonzero());
                Close(golden.Outputs.GetProperty("negative_pairs"), masks.Negative.nonzero());
            }

            loss = MultiSimilarity.Loss(
                cosines, masks, Parameter(golden, "alpha"), Parameter(golden, "beta"), Parameter(golden, "base"));
        }
        else if (has.Contains("gamma"))
        {
            loss = Circle.Loss(Cosines(x), masks, Parameter(golden, "m"), Parameter(golden, "gamma"));
        }
        else
        {
            var unit = Unit(x);
            loss = FastAp.Loss(
                new SquaredEuclidean(_none).Matrix(unit, unit), masks, golden.Params.GetProperty("num_bins").GetInt32());
        }

        Close(golden.Outputs.GetProperty("loss"), loss);
        GradientsAreClose(loss, (golden.Gradients.GetProperty("x"), x));
    }

    [GoldenComponent("log_ratio")]
    internal static void LogRatioMatchesThePaperAndTheAuthorsCode(GoldenCase golden)
    {
        foreach (var name in new[] { "loss_paper", "loss_authors_code" })
        {
            var (anchor, others) = (Learned(golden.Input("anchor")), Learned(golden.Input("others")));
            var squared = new SquaredEuclidean(_none);
            var squares = squared.Matrix(anchor.unsqueeze(0), others);
            var labels = squared.Matrix(
                GoldenCase.Tensor(golden.Input("anchor_label")).unsqueeze(0), GoldenCase.Tensor(golden.Input("other_labels")));
            var all = ones_like(squares, dtype: @bool);
            var loss = name == "loss_paper"
                ? LogRatio.Paper(squares, labels, all)
                : LogRatio.Authors(squares, labels, all, others.shape[1]);
            Close(golden.Outputs.GetProperty(name), loss);
            GradientsAreClose(
                loss, (golden.Gradients.GetProperty($"{name}.anchor"), anchor), (golden.Gradients.GetProperty($"{name}.others"), others));
        }
    }

    private static PairMasks Masks(GoldenCase golden)
    {
        var labels = GoldenCase.Tensor(golden.Input("labels"));
        return PairMasks.Of(labels, labels, 0);
    }

    private static Tensor Cosines(Tensor x) => Unit(x).matmul(Unit(x).t());

    private static Tensor Distances(GoldenCase golden, Tensor x)
    {
        var unit = Unit(x);
        return golden.Params.GetProperty("distance").GetString() switch
        {
            "l2n" => new Euclidean(_none).Matrix(unit, unit),
            "l2raw" => new Euclidean(_none).Matrix(x, x),
            "cos" => new Cosine(_none).Matrix(unit, unit),
            var other => throw new InvalidOperationException($"no such distance: {other}"),
        };
    }

    private static Triplets Mine(string mining, Tensor distances, PairMasks masks, double margin) => mining switch
    {
        "none" => Triplets.Of(masks),
        "all" => TripletMining.Select(distances, masks, TripletKind.All, margin),
        "easy" => TripletMining.Select(distances, masks, TripletKind.Easy, margin),
        "semihard" => TripletMining.Select(distances, masks, TripletKind.SemiHard, margin),
        "hard" => TripletMining.Select(distances, masks, TripletKind.Hard, margin),
        "batch_hard" => TripletMining.BatchHard(distances, masks),
        _ when mining.Split('_') is ["batch", var positive, var negative] => TripletMining.BatchEasyHard(
            distances, masks, Enum.Parse<Hardness>(positive, ignoreCase: true), Enum.Parse<Hardness>(negative, ignoreCase: true)).Triplets!,
        _ => throw new InvalidOperationException($"no such miner: {mining}"),
    };
}
