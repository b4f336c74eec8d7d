using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Objectives;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Objectives;

/// <summary>Losses over listed tuples, each against its formula in plain doubles over all combinations.</summary>
public sealed class TupleObjectiveTests
{
    private const int Count = 5;
    private const int Width = 3;

    private static readonly CatalogSet _catalogs = new(typeof(TupleObjective).Assembly);

    /// <summary>Five pairs; image 10 is the positive of two anchors, and image 12 is a positive of anchors 2 and 0.</summary>
    private static readonly TupleList _pairs = new([0, 1, 2, 3, 0], [10, 10, 12, 13, 12], [], []);

    private static readonly TupleList _triplets = new([0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [20, 21, 22, 23, 24], []);

    /// <summary>Two lists of three candidates, one of them with a tie.</summary>
    private static readonly TupleList _lists = new([0, 0, 0, 1, 1, 1], [10, 11, 12, 13, 14, 15], [], [0.5, 2, 0.1, 1, 1, 3], perTuple: 3);

    public static TheoryData<string, string> Cases => new()
    {
        { "triplet", "pairs" }, { "triplet", "triplets" }, { "contrastive", "pairs" }, { "contrastive", "triplets" }, { "contrastive", "lists" },
        { "marginRanking", "triplets" }, { "marginRanking", "lists" }, { "rankNet", "triplets" }, { "rankNet", "lists" },
        { "listNet", "lists" }, { "logRatio", "lists" },
    };

    [Fact]
    public void EveryLossOfTheCatalogueIsTested() =>
        Assert.Equal(_catalogs.Of<TupleObjective>().Names, Cases.Select(c => c.Data.Item1).Distinct().Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void PairsAreKeptFromWhatIsNotListedForTheirAnchor(bool hardest, bool weighted)
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_pairs);
        var objective = Create("triplet", new TupleTripletOptions { Margin = 1.5, Negatives = hardest ? TupleNegatives.Hardest : TupleNegatives.All, RankWeights = weighted });
        int[] anchors = [0, 1, 2, 3, 0], candidates = [10, 10, 12, 13, 12];
        var (sum, counted) = (0.0, 0);
        for (var i = 0; i < Count; i++)
        {
            var hinges = new List<double>();
            for (var j = 0; j < Count; j++)
            {
                var isSimilar = anchors.Zip(candidates).Contains((anchors[i], candidates[j]));
                if (!isSimilar)
                {
                    hinges.Add(Math.Max(0, Square(batch, i, i) - Square(batch, i, j) + 1.5));
                }
            }

            var rank = Math.Floor(3.0 * hinges.Count(h => h > 0) / hinges.Count); // 3 different candidates are listed
            sum += (weighted ? Math.Log(rank + 1) : 1) * (hardest ? hinges.Max() : hinges.Average());
            counted++;
        }

        Assert.Equal(sum / counted, objective.Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void APopularImageIsNoNegativeOfAnAnchorThatItBelongsTo()
    {
        using var scope = NewDisposeScope();
        var unlike = Batch(_pairs).Unlike();
        // Candidates in turn: 10, 10, 12, 13, 12. Anchor 0 has 10 and 12, anchor 1 has 10, anchor 2 has 12, anchor 3 has 13.
        Assert.Equal(
            [
                false, false, false, true, false,
                false, false, true, true, true,
                true, true, false, true, false,
                true, true, true, false, true,
                false, false, false, true, false,
            ],
            unlike.reshape(-1).data<bool>().ToArray());
    }

    [Fact]
    public void TripletsHaveTheMarginBetweenTheirOwn()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_triplets);
        var expected = Enumerable.Range(0, Count)
            .Average(i => Math.Max(0, Square(batch.Anchors, i, batch.Candidates.select(1, 0), i) - Square(batch.Anchors, i, batch.Negatives!, i) + 0.5));
        Assert.Equal(expected, Create("triplet", new TupleTripletOptions()).Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void APairWithoutScoreAboveZeroHasNoPositive()
    {
        using var scope = NewDisposeScope();
        var list = new TupleList([0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [], [1, 0, -1, 2, 0.5]);
        var batch = Batch(list);
        var all = Create("triplet", new TupleTripletOptions { Negatives = TupleNegatives.All });
        var expected = ((int[])[0, 3, 4]).Average(i => Enumerable.Range(0, Count).Where(j => j != i)
            .Average(j => Math.Max(0, Square(batch, i, i) - Square(batch, i, j) + 0.5)));
        Assert.Equal(expected, all.Loss(batch, null!).item<double>(), 1e-12);
        var none = Batch(new TupleList([0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [], [0, 0, -1, -2, 0]));
        var loss = all.Loss(none, null!);
        GuardedBackward.Run(loss);
        Assert.Equal(0, loss.item<double>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ContrastivePairsAreAlikeBySignOfTheirScore(bool squared)
    {
        using var scope = NewDisposeScope();
        var batch = Batch(new TupleList([0, 1, 2, 3, 4], [10, 11, 12, 13, 14], [20, 21, 22, 23, 24], [1, 0, -1, 2, 0.5]));
        var (sum, margin) = (0.0, 1.7);
        for (var i = 0; i < Count; i++)
        {
            foreach (var (square, alike) in ((double, bool)[])
                [(Square(batch, i, i), i is 0 or 3 or 4), (Square(batch.Anchors, i, batch.Negatives!, i), false)])
            {
                var missing = Math.Max(0, squared ? margin - square : margin - Math.Sqrt(square));
                sum += (alike, squared) switch
                {
                    (true, true) => square,
                    (true, false) => square / 2,
                    (false, true) => missing,
                    _ => missing * missing / 2,
                };
            }
        }

        var objective = Create("contrastive", new TupleContrastiveOptions { Margin = margin, Squared = squared });
        Assert.Equal(sum / (2 * Count), objective.Loss(batch, null!).item<double>(), 1e-12);
    }

    [Theory]
    [InlineData("marginRanking")]
    [InlineData("rankNet")]
    public void EveryPairOfAnAnchorsCandidatesWithDifferentScoresCounts(string name)
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_lists);
        var losses = new List<double>();
        for (var t = 0; t < 2; t++)
        {
            for (var i = 0; i < 3; i++)
            {
                for (var j = 0; j < 3; j++)
                {
                    if (_lists.Score((3 * t) + i) > _lists.Score((3 * t) + j))
                    {
                        var difference = Product(batch, t, i) - Product(batch, t, j);
                        losses.Add(name == "rankNet" ? Math.Log(1 + Math.Exp(-2 * difference)) : Math.Max(0, 0.3 - difference));
                    }
                }
            }
        }

        Assert.Equal(5, losses.Count); // three pairs, and two where one is a tie
        object options = name == "rankNet" ? new TupleRankNetOptions { Sigma = 2 } : new TupleMarginRankingOptions { Margin = 0.3 };
        Assert.Equal(losses.Average(), Create(name, options).Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void RankNetOfTripletsIsBayesianPersonalisedRanking()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_triplets);
        var products = (batch.Anchors * (batch.Candidates.select(1, 0) - batch.Negatives!)).sum(dim: 1).data<double>().ToArray();
        var expected = products.Average(x => -Math.Log(1 / (1 + Math.Exp(-x))));
        Assert.Equal(expected, Create("rankNet", new TupleRankNetOptions()).Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void ListNetIsTheCrossEntropyOfTwoSoftmaxes()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_lists);
        var expected = Enumerable.Range(0, 2).Average(t =>
        {
            double[] own = [.. Enumerable.Range(0, 3).Select(i => Math.Exp(4 * Product(batch, t, i)))];
            double[] wanted = [.. Enumerable.Range(0, 3).Select(i => Math.Exp(_lists.Score((3 * t) + i)))];
            return -Enumerable.Range(0, 3).Sum(i => wanted[i] / wanted.Sum() * Math.Log(own[i] / own.Sum()));
        });
        Assert.Equal(expected, Create("listNet", new TupleListNetOptions { Scale = 4 }).Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void LogRatioTakesScoresForDistances()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_lists);
        var terms = new List<double>();
        for (var t = 0; t < 2; t++)
        {
            for (var i = 0; i < 3; i++)
            {
                for (var j = i + 1; j < 3; j++)
                {
                    double Ratio(int c) => Math.Log(Square(batch.Anchors, t, batch.Candidates.select(0, t), c)) - Math.Log(Math.Pow(_lists.Score((3 * t) + c), 2));
                    terms.Add(Math.Pow(Ratio(i) - Ratio(j), 2));
                }
            }
        }

        var objective = Create("logRatio", new TupleLogRatioOptions { Convention = LogRatioConvention.Paper });
        Assert.Equal(terms.Average(), objective.Loss(batch, null!).item<double>(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void GradientsAreDifferenceQuotients(string name, string list)
    {
        using var scope = NewDisposeScope();
        var of = Named(list);
        var objective = Create(name);
        CentralDifferences.Agree(embeddings => objective.Loss(Batch(of, embeddings[0]), null!), 1e-7, Embeddings(of));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EqualEmbeddingsHaveFiniteGradients(string name, string list)
    {
        using var scope = NewDisposeScope();
        var of = Named(list);
        var embeddings = (Embeddings(of) * 0 + 0.5).requires_grad_();
        var loss = Create(name).Loss(Batch(of, embeddings), null!);
        GuardedBackward.Run(loss);
        Assert.True(double.IsFinite(loss.item<double>()));
        Assert.True(embeddings.grad!.isfinite().all().item<bool>());
        Assert.All(Create(name).Facts(Batch(of, embeddings), null!), fact => Assert.True(double.IsFinite(fact.Value)));
    }

    [Fact]
    public void ActiveTripletsAreCounted()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(_pairs);
        int[] anchors = [0, 1, 2, 3, 0], candidates = [10, 10, 12, 13, 12];
        var expected = 0;
        for (var i = 0; i < Count; i++)
        {
            for (var j = 0; j < Count; j++)
            {
                expected += !anchors.Zip(candidates).Contains((anchors[i], candidates[j])) && Square(batch, i, i) - Square(batch, i, j) + 0.5 > 0 ? 1 : 0;
            }
        }

        var facts = Create("triplet").Facts(batch, null!).ToDictionary();
        Assert.Equal(expected, facts["activeTriplets"]);
        var ranked = Create("rankNet").Facts(Batch(_lists), null!).ToDictionary();
        Assert.Equal(5, ranked["orderedPairs"]);
    }

    [Theory]
    [InlineData("marginRanking", "pairs", "must list triplets, or scores with candidates of at least 2")]
    [InlineData("rankNet", "pairs", "must list triplets, or scores with candidates of at least 2")]
    [InlineData("listNet", "triplets", "must list scores, with candidates of at least 2 and no negatives, for loss listNet; has negatives")]
    [InlineData("logRatio", "pairs", "must list scores, with candidates of at least 2 and no negatives, for loss logRatio; has no scores")]
    public void AListThatHasNotWhatALossComparesIsRefused(string name, string list, string message) =>
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Create(name).Require(Named(list))).Message, StringComparison.Ordinal);

    [Fact]
    public void SettingsThatDoNotFitAreRefused()
    {
        static string Refusal(Action act) => Assert.Throws<RecipeException>(act).Message;
        Assert.Contains("at most 2, the largest distance", Refusal(() => Create("contrastive", new TupleContrastiveOptions { Margin = 2.5 })), StringComparison.Ordinal);
        Assert.Contains("data.pairs lists none", Refusal(() => Create("triplet", new TupleTripletOptions { Negatives = TupleNegatives.Listed }).Require(_pairs)), StringComparison.Ordinal);
        foreach (var negatives in (TupleNegatives?[])[null, TupleNegatives.Hardest, TupleNegatives.All])
        {
            var options = new TupleTripletOptions { Negatives = negatives, Averaging = SelfSup.MetricLosses.Averaging.All };
            Assert.Contains("method.loss.averaging: must not be set", Refusal(() => Create("triplet", options).Require(_pairs)), StringComparison.Ordinal);
        }

        Create("triplet", new TupleTripletOptions { Averaging = SelfSup.MetricLosses.Averaging.NonZero }).Require(_triplets);
        Create("triplet", new TupleTripletOptions()).Require(_pairs);
        Assert.Contains(
            "must be false with listed negatives", Refusal(() => Create("triplet", new TupleTripletOptions { RankWeights = true }).Require(_triplets)), StringComparison.Ordinal);
        Assert.Contains(
            "method.loss.normalise: is false, must be true: distance cosine",
            Refusal(() => Create("rankNet", new TupleRankNetOptions { Distance = new("cosine", new NoOptions()) })), StringComparison.Ordinal);
        Assert.Contains(
            "scores are distances and must be at least 0",
            Refusal(() => Create("logRatio").Require(new TupleList([0, 0], [1, 2], [], [1, -1], perTuple: 2))), StringComparison.Ordinal);
    }

    private static TupleList Named(string list) => list switch
    {
        "pairs" => _pairs,
        "triplets" => _triplets,
        _ => _lists,
    };

    private static TupleObjective Create(string name, object? options = null)
    {
        var catalog = _catalogs.Of<TupleObjective>();
        return catalog.Create(name, options ?? Activator.CreateInstance(catalog.OptionsType(name))!, new ObjectiveContext(0, 1) { Catalogs = _catalogs });
    }

    private static Tensor Embeddings(TupleList list) => Numbers.Normal(list.Rows / list.PerTuple, list.Width, Width).to(float64) * 0.6;

    private static TupleEmbeddings Batch(TupleList list, Tensor? embeddings = null)
    {
        embeddings ??= Embeddings(list).requires_grad_();
        var count = list.Rows / list.PerTuple;
        var images = new int[count * list.Width];
        for (var tuple = 0; tuple < count; tuple++)
        {
            list.Images([.. Enumerable.Range(tuple * list.PerTuple, list.PerTuple)], images.AsSpan(tuple * list.Width, list.Width));
        }

        return new TupleEmbeddings(
            embeddings.select(1, 0),
            embeddings.narrow(1, 1, list.PerTuple),
            list.HasNegatives ? embeddings.select(1, list.Width - 1) : null,
            tensor(Enumerable.Range(0, list.Rows).Select(list.Score).ToArray()).view(-1, list.PerTuple),
            images,
            list);
    }

    private static double Square(TupleEmbeddings batch, int anchor, int candidate) =>
        Square(batch.Anchors, anchor, batch.Candidates.select(1, 0), candidate);

    private static double Square(Tensor first, int row, Tensor second, int other) => Enumerable.Range(0, Width)
        .Sum(d => Math.Pow(first[row, d].item<double>() - second[other, d].item<double>(), 2));

    private static double Product(TupleEmbeddings batch, int tuple, int candidate) => Enumerable.Range(0, Width)
        .Sum(d => batch.Anchors[tuple, d].item<double>() * batch.Candidates[tuple, candidate, d].item<double>());
}
