using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Evaluation;

/// <summary>Gathers what was found for every query into a <see cref="RetrievalReport"/>.</summary>
/// <param name="options">Which measures.</param>
/// <param name="labels">Of the queries.</param>
/// <param name="referenceLabels">Of what is searched.</param>
/// <param name="names">Of the classes.</param>
/// <param name="right">R: of every class, how many images a query of it can find.</param>
internal sealed class RetrievalTally(
    RetrievalOptions options,
    IReadOnlyList<long> labels,
    long[] referenceLabels,
    IReadOnlyList<string> names,
    long[] right)
{
    private readonly int[] _firstRight = new int[labels.Count]; // rank from 1; 0 where none was found
    private readonly double[] _rPrecision = new double[labels.Count];
    private readonly double[] _mapAtR = new double[labels.Count];
    private readonly double[] _map = new double[labels.Count];

    /// <summary>The queries that have something to find.</summary>
    public int[] Judged { get; } = [.. Enumerable.Range(0, labels.Count).Where(query => right[labels[query]] > 0)];

    /// <summary>R of a query.</summary>
    public long Right(int query) => right[labels[query]];

    /// <summary>Takes what was found for a query, nearest first; at least R and the largest k. Queries may come from any thread.</summary>
    public void Add(int query, ReadOnlySpan<int> places)
    {
        var (label, all) = (labels[query], (int)Right(query));
        var (hits, hitsAtR, precisions, precisionsAtR) = (0, 0, 0.0, 0.0);
        for (var i = 0; i < places.Length && (options.WholeRanking || i < all || _firstRight[query] == 0); i++)
        {
            if (referenceLabels[places[i]] != label)
            {
                continue;
            }

            hits++;
            precisions += (double)hits / (i + 1);
            if (i < all)
            {
                (hitsAtR, precisionsAtR) = (hits, precisions);
            }

            if (_firstRight[query] == 0)
            {
                _firstRight[query] = i + 1;
            }
        }

        _rPrecision[query] = (double)hitsAtR / all;
        _mapAtR[query] = precisionsAtR / all;
        _map[query] = precisions / all;
    }

    /// <summary>The report of all queries.</summary>
    /// <param name="name">Of the queries, for messages.</param>
    /// <param name="reference">How many images were searched.</param>
    /// <exception cref="DataException">No query had anything to find.</exception>
    public RetrievalReport Report(string name, long reference)
    {
        if (Judged.Length == 0)
        {
            throw new DataException(
                $"{name}: none of {labels.Count} images has another one of its class to be found, so that recall means nothing; " +
                "give at least two images of a class");
        }

        var classes = Judged.GroupBy(query => labels[query]).OrderBy(g => g.Key)
            .Select(g => (Label: g.Key, Count: g.Count(), Measures: Mean([.. g]))).ToArray();
        var leftOut = labels.Count - Judged.Length;
        return new RetrievalReport
        {
            Queries = Judged.Length,
            LeftOut = leftOut,
            Reference = reference,
            Mean = Mean(Judged),
            MeanPerClass = MeanOf([.. classes.Select(c => c.Measures)]),
            Classes = [.. classes.Select(c => new ClassRetrieval(names[(int)c.Label], c.Count, c.Measures.PrecisionAt1, c.Measures.MapAtR))],
            Notes = leftOut == 0
                ? []
                : [string.Create(
                    CultureInfo.InvariantCulture,
                    $"{leftOut} of {labels.Count} images are left out: no other image of their class is there to be found ({Some(leftOut)})")],
        };
    }

    private string Some(int leftOut)
    {
        var lonely = labels.Where(label => right[label] <= 0).Distinct().Order().Take(3).Select(label => $"'{names[(int)label]}'").ToArray();
        return string.Join(", ", lonely) + (leftOut > lonely.Length ? ", ..." : "");
    }

    private RetrievalMeasures Mean(int[] queries) => new()
    {
        RecallAt = options.RecallAt.Distinct().Order().ToDictionary(
            k => k, k => queries.Average(query => _firstRight[query] is var rank && rank > 0 && rank <= k ? 1.0 : 0.0)),
        PrecisionAt1 = queries.Average(query => _firstRight[query] == 1 ? 1.0 : 0.0),
        RPrecision = queries.Average(query => _rPrecision[query]),
        MapAtR = queries.Average(query => _mapAtR[query]),
        Map = options.WholeRanking ? queries.Average(query => _map[query]) : null,
        Mrr = options.WholeRanking ? queries.Average(query => 1.0 / _firstRight[query]) : null,
    };

    private static RetrievalMeasures MeanOf(RetrievalMeasures[] classes) => new()
    {
        RecallAt = classes[0].RecallAt.Keys.ToDictionary(k => k, k => classes.Average(c => c.RecallAt[k])),
        PrecisionAt1 = classes.Average(c => c.PrecisionAt1),
        RPrecision = classes.Average(c => c.RPrecision),
        MapAtR = classes.Average(c => c.MapAtR),
        Map = classes.Average(c => c.Map),
        Mrr = classes.Average(c => c.Mrr),
    };
}
