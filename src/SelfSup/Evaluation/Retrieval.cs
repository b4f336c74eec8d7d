using System.ComponentModel.DataAnnotations;

using SelfSup.Errors;
using SelfSup.Telemetry;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>Settings of <see cref="Retrieval"/>.</summary>
internal sealed class RetrievalOptions
{
    /// <summary>The k of Recall@k; at most the number of images that are searched.</summary>
    public IReadOnlyList<int> RecallAt { get; set; } = [1, 2, 4, 8];

    /// <summary>What near means.</summary>
    [EnumDataType(typeof(FeatureDistance))]
    public FeatureDistance Distance { get; set; } = FeatureDistance.Cosine;

    /// <summary>
    /// Also the mean average precision and the mean reciprocal rank, for which every image must be ranked for every query:
    /// for a million images some 50 ms a query and core.
    /// </summary>
    public bool WholeRanking { get; set; }
}

/// <summary>
/// Judges features by what is nearest to each of them: Recall@k (Jégou et al. 2011, as used since Song et al. 2016), and
/// precision at 1, R-precision and MAP@R (Musgrave et al. 2020, https://arxiv.org/abs/2003.08505, section 3.2), where R is
/// the number of images that are right.
/// </summary>
/// <remarks>
/// Values are those of pytorch-metric-learning's AccuracyCalculator. Of equally near images the one that comes first goes
/// first, so that results do not depend on how a sort breaks ties. Memory is bounded by <see cref="NeighbourSearch"/>, also
/// where R goes into the thousands: queries are searched in groups of about the same R.
/// </remarks>
internal sealed class Retrieval(RetrievalOptions options)
{
    /// <summary>Searches every image among the others of the set.</summary>
    /// <param name="images">Queries and what is searched; an image never finds itself.</param>
    /// <param name="heartbeat">Told of every tile of queries, or null.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    /// <exception cref="DataException">Labels are missing, of one class only, or no class has two images.</exception>
    /// <exception cref="RecipeException">A k is out of range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public RetrievalReport Evaluate(FeatureSet images, Heartbeat? heartbeat = null, CancellationToken cancellationToken = default)
    {
        Require(images);
        return Evaluate(images, images.Labels, images, images.ClassNames, isSame: true, heartbeat, cancellationToken);
    }

    /// <summary>Searches every query in another set.</summary>
    /// <param name="queries">Queries; those whose class the reference does not have are left out.</param>
    /// <param name="reference">What is searched.</param>
    /// <inheritdoc cref="Evaluate(FeatureSet, Heartbeat?, CancellationToken)"/>
    /// <param name="heartbeat">Told of every tile of queries, or null.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    public RetrievalReport Evaluate(
        FeatureSet queries, FeatureSet reference, Heartbeat? heartbeat = null, CancellationToken cancellationToken = default)
    {
        Require(queries, reference);
        reference.RequireLike(queries);
        var (names, labels) = reference.Match(queries);
        return Evaluate(queries, labels, reference, names, isSame: false, heartbeat, cancellationToken);
    }

    /// <summary>Fails where a set cannot be searched for so many.</summary>
    /// <param name="queries">What is looked for.</param>
    /// <param name="reference">What is searched; null where that is the queries themselves, each but itself.</param>
    /// <exception cref="DataException">Labels are missing, or of one class only.</exception>
    /// <exception cref="RecipeException">A k is out of range.</exception>
    public void Require(LabelSet queries, LabelSet? reference = null)
    {
        queries.RequireLabels();
        reference?.RequireLabels();
        var searched = reference ?? queries;
        searched.RequireClasses("retrieval");
        RequireRecallAt(searched.Name, searched.Count - (reference is null ? 1 : 0));
    }

    private RetrievalReport Evaluate(
        FeatureSet queries,
        IReadOnlyList<long> labels,
        FeatureSet reference,
        IReadOnlyList<string> names,
        bool isSame,
        Heartbeat? heartbeat,
        CancellationToken cancellationToken)
    {
        var available = reference.Count - (isSame ? 1 : 0);
        var sizes = new long[names.Count];
        foreach (var label in reference.Labels)
        {
            sizes[label]++;
        }

        var tally = new RetrievalTally(options, labels, [.. reference.Labels], names, sizes.Select(s => isSame ? s - 1 : s).ToArray());
        long Needed(int query) => options.WholeRanking ? available : Math.Max(options.RecallAt.Max(), tally.Right(query));
        // Each group needs at most twice as much for a query as that query itself.
        foreach (var group in tally.Judged.GroupBy(query => Math.ILogB(Needed(query))).OrderBy(g => g.Key))
        {
            using var search = new NeighbourSearch(reference.Features, group.Max(Needed), options.Distance);
            foreach (var tile in group.Chunk((int)search.QueryTile))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                long[] places = [.. tile.Select(query => (long)query)];
                search.Visit(
                    queries.Features.index_select(0, tensor(places)),
                    (i, found) => tally.Add(tile[i], found.Places),
                    isSame ? places : null);
                heartbeat?.Beat("judging the encoder: retrieval");
            }
        }

        return tally.Report(queries.Name, reference.Count);
    }

    private void RequireRecallAt(string name, long available)
    {
        int[] bad = [.. options.RecallAt.Where(k => k < 1 || k > available)];
        if (options.RecallAt.Count == 0 || bad.Length > 0)
        {
            throw new RecipeException(
                $"retrieval: recall at {(bad.Length == 0 ? "nothing" : string.Join(", ", bad))}, must be at numbers from 1 to " +
                $"{available}, as many images as can be found in {name}; choose other numbers");
        }
    }
}
