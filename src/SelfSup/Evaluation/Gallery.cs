using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// Enrolled identities, a few images of each, in which others are looked up: the identity of the nearest image, or none where
/// that one is not near enough.
/// </summary>
internal sealed class Gallery
{
    private readonly FeatureSet _images;
    private readonly FeatureDistance _distance;

    /// <param name="images">The images; classes are identities.</param>
    /// <param name="distance">What near means: similarity is the cosine, or the Euclidean distance with a minus.</param>
    /// <exception cref="DataException">Labels are missing.</exception>
    public Gallery(FeatureSet images, FeatureDistance distance)
    {
        images.RequireLabels();
        (_images, _distance) = (images, distance);
    }

    /// <summary>How many identities are enrolled.</summary>
    public int Identities => _images.Labels.Distinct().Count();

    /// <summary>
    /// The threshold at which at most so large a share of the gallery's own images would be taken for another identity if theirs
    /// were not enrolled: each is looked up among the images of all other identities.
    /// </summary>
    /// <param name="falseAcceptRate">The share.</param>
    /// <returns>The lowest such threshold, and what it does to images whose identity is enrolled by others.</returns>
    /// <exception cref="DataException">There is one identity only.</exception>
    public GalleryThreshold ChooseThreshold(double falseAcceptRate)
    {
        RequireIdentities(_images);
        var (others, own) = LeaveOneOut();
        double[] falling = [.. others.OrderDescending()];
        var allowed = (int)Math.Floor(falseAcceptRate * falling.Length);
        var threshold = allowed >= falling.Length ? falling[^1] : Math.BitIncrement(falling[allowed]);
        var sizes = _images.Labels.CountBy(label => label).ToDictionary();
        int[] enrolled = [.. Enumerable.Range(0, own.Length).Where(i => sizes[_images.Labels[i]] > 1)];
        return new GalleryThreshold(
            threshold,
            (double)others.Count(s => s >= threshold) / others.Length,
            enrolled.Length == 0 ? null : enrolled.Average(i => own[i] >= threshold ? 1.0 : 0.0));
    }

    /// <summary>Fails where no threshold can be chosen, as there is nobody else to be taken for.</summary>
    /// <exception cref="DataException">There is one identity only.</exception>
    public static void RequireIdentities(LabelSet images) => images.RequireClasses("a threshold; or give one");

    /// <summary>Looks up images.</summary>
    /// <param name="queries">Their features; where they have labels, by class name they are identities, enrolled or not.</param>
    /// <param name="threshold">The lowest similarity that is accepted.</param>
    /// <param name="cancellationToken">Ends it between two tiles of queries.</param>
    /// <exception cref="DataException">The features are not of the gallery's kind.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyList<Identification> Find(FeatureSet queries, double threshold, CancellationToken cancellationToken = default)
    {
        _images.RequireLike(queries);
        var found = new Identification[queries.Count];
        var names = queries.Labels.All(label => label >= 0) && queries.HasClassNames ? queries.ClassNames : null;
        using var search = new NeighbourSearch(_images.Features, 1, _distance);
        for (var start = 0L; start < queries.Count; start += search.QueryTile)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var first = (int)start;
            search.Visit(
                queries.Features.narrow(0, start, Math.Min(search.QueryTile, queries.Count - start)),
                (query, nearest) =>
                {
                    var (row, place, similarity) = (first + query, nearest.Places[0], nearest.Similarity(0));
                    found[row] = new Identification(
                        row,
                        place,
                        _images.ClassNames[(int)_images.Labels[place]],
                        similarity,
                        similarity >= threshold,
                        names?[(int)queries.Labels[row]]);
                });
        }

        return found;
    }

    /// <summary>Counts what was found.</summary>
    public IdentificationReport Report(IReadOnlyList<Identification> found, double threshold, GalleryThreshold? chosen)
    {
        var enrolled = _images.Labels.Distinct().Select(label => _images.ClassNames[(int)label]).ToHashSet();
        var known = found.Where(f => f.Truth is { } truth && enrolled.Contains(truth)).ToArray();
        var unknown = found.Where(f => f.Truth is { } truth && !enrolled.Contains(truth)).ToArray();
        static double? Share(Identification[] of, Func<Identification, bool> which) => of.Length == 0 ? null : of.Count(which) / (double)of.Length;
        return new IdentificationReport
        {
            Identities = enrolled.Count,
            GalleryImages = _images.Count,
            Queries = found.Count,
            Threshold = threshold,
            GalleryFalseAcceptRate = chosen?.FalseAcceptRate,
            GalleryRightRate = chosen?.RightRate,
            Accepted = found.Count(f => f.IsAccepted),
            Known = known.Length,
            Rank1 = Share(known, f => f.Identity == f.Truth),
            Right = Share(known, f => f.IsAccepted && f.Identity == f.Truth),
            Wrong = Share(known, f => f.IsAccepted && f.Identity != f.Truth),
            Rejected = Share(known, f => !f.IsAccepted),
            Unknown = unknown.Length,
            UnknownRejected = Share(unknown, f => !f.IsAccepted),
        };
    }

    // For each image the similarity of the nearest one of another identity; and of the nearest of all where that is of its own,
    // else -infinity.
    private (double[] Others, double[] Own) LeaveOneOut()
    {
        var (others, own) = (new double[_images.Count], new double[_images.Count]);
        // Among as many neighbours as the largest identity has images one is of another identity.
        var largest = _images.Labels.CountBy(label => label).Max(c => c.Value);
        using var search = new NeighbourSearch(_images.Features, largest, _distance);
        for (var start = 0L; start < _images.Count; start += search.QueryTile)
        {
            using var scope = NewDisposeScope();
            var first = (int)start;
            var rows = Math.Min(search.QueryTile, _images.Count - start);
            search.Visit(
                _images.Features.narrow(0, start, rows),
                (query, nearest) =>
                {
                    var (row, rank) = (first + query, 0);
                    while (_images.Labels[nearest.Places[rank]] == _images.Labels[row])
                    {
                        rank++;
                    }

                    others[row] = nearest.Similarity(rank);
                    own[row] = rank > 0 ? nearest.Similarity(0) : double.NegativeInfinity;
                },
                [.. Enumerable.Range(first, (int)rows).Select(i => (long)i)]);
        }

        return (others, own);
    }
}

/// <summary>A threshold of similarity.</summary>
/// <param name="Threshold">The lowest that is accepted.</param>
/// <param name="FalseAcceptRate">The share of the gallery's images that would be taken for another identity if theirs were not enrolled.</param>
/// <param name="RightRate">
/// The share that is recognised by the other images of its identity; null where no identity has two.
/// </param>
internal sealed record GalleryThreshold(double Threshold, double FalseAcceptRate, double? RightRate);
