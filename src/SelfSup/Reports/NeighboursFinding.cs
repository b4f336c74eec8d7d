using SelfSup.Evaluation;
using SelfSup.Search;

namespace SelfSup.Reports;

/// <summary>What is nearest to some of the images, by the cosine.</summary>
/// <param name="Queries">The images that were asked for.</param>
/// <param name="Images">How many images were searched.</param>
/// <param name="Agreement">Over all images, the mean share of the nearest that are of the image's class; null without labels.</param>
/// <param name="ByClass">The same of every class that has images, with the class that others of the nearest are of most often.</param>
internal sealed record NeighboursFinding(
    IReadOnlyList<NeighbourQuery> Queries, long Images, double? Agreement, IReadOnlyList<ClassAgreement> ByClass)
{
    /// <summary>Searches a sample of images.</summary>
    /// <param name="features">What the network makes of it.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="rows">How many queries are shown.</param>
    /// <param name="hasPictures">Whether with pictures.</param>
    public static NeighboursFinding Of(FeatureSet features, ImageSample sample, int rows, bool hasPictures)
    {
        var wanted = (int)Math.Min(ReportOptions.Neighbours, features.Count - 1);
        var places = features.Samples.Select((image, row) => (image, row)).ToDictionary(pair => (int)pair.image, pair => pair.row);
        // One of each class, then a second of each: a sample of eight should not show one class three times.
        int[] queries =
        [
            .. sample.Drawn.Where(places.ContainsKey)
                .GroupBy(sample.Class)
                .SelectMany(images => images.Select((image, turn) => (image, turn)))
                .OrderBy(pair => pair.turn)
                .Take(rows)
                .Select(pair => places[pair.image]),
        ];
        var nearest = new (int Row, double Cosine)[features.Count][];
        using (var search = new NeighbourSearch(features.Features, wanted))
        {
            search.Visit(
                features.Features,
                (query, found) =>
                {
                    var list = new (int, double)[found.Places.Length];
                    for (var rank = 0; rank < list.Length; rank++)
                    {
                        list[rank] = ((int)found.Places[rank], found.Similarity(rank));
                    }

                    nearest[query] = list;
                },
                [.. Enumerable.Range(0, (int)features.Count).Select(row => (long)row)]);
        }

        var byClass = Classes(features, nearest);
        return new NeighboursFinding(
            [.. queries.Select(query => new NeighbourQuery(Image(query), [.. nearest[query].Select(near => new NearImage(Image(near.Row), near.Cosine))]))],
            features.Count,
            byClass.Count == 0 ? null : byClass.Sum(row => row.Share * row.Images) / byClass.Sum(row => row.Images),
            byClass);

        SampledImage Image(int row)
        {
            var image = (int)features.Samples[row];
            return new SampledImage(sample.Name(image), sample.Class(image), hasPictures ? sample.Picture(image) : null);
        }
    }

    private static List<ClassAgreement> Classes(FeatureSet features, (int Row, double Cosine)[][] nearest)
    {
        // Of very many classes few have images, and fewer are near each other.
        var counts = new SortedDictionary<long, SortedDictionary<long, long>>();
        var images = new Dictionary<long, long>();
        for (var row = 0; row < nearest.Length; row++)
        {
            if (features.Labels[row] is >= 0 and var label)
            {
                images[label] = images.GetValueOrDefault(label) + 1;
                if (!counts.TryGetValue(label, out var near))
                {
                    counts.Add(label, near = []);
                }

                foreach (var (place, _) in nearest[row])
                {
                    if (features.Labels[place] is >= 0 and var other)
                    {
                        near[other] = near.GetValueOrDefault(other) + 1;
                    }
                }
            }
        }

        var classes = new List<ClassAgreement>();
        foreach (var (label, near) in counts.Where(row => row.Value.Count > 0))
        {
            double all = near.Values.Sum();
            var (often, most) = near.Where(row => row.Key != label).DefaultIfEmpty().MaxBy(row => row.Value);
            classes.Add(new ClassAgreement(
                features.ClassNames[(int)label], images[label], near.GetValueOrDefault(label) / all,
                most > 0 ? features.ClassNames[(int)often] : null, most / all));
        }

        return classes;
    }
}

/// <summary>An image and what is nearest to it, the nearest first.</summary>
internal sealed record NeighbourQuery(SampledImage Image, IReadOnlyList<NearImage> Nearest);

/// <summary>An image that is near.</summary>
/// <param name="Image">Which.</param>
/// <param name="Cosine">Of the angle between the two.</param>
internal sealed record NearImage(SampledImage Image, double Cosine)
{
    /// <summary>Between the ends of the two at unit length.</summary>
    public double Distance => Math.Sqrt(Math.Max(0, 2 - (2 * Cosine)));
}

/// <summary>An image of a sample.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Class">Its class, or null.</param>
/// <param name="Picture">A small picture; null where there is none.</param>
internal sealed record SampledImage(string Name, string? Class, Thumbnail? Picture);

/// <summary>How far the nearest images of a class's images are of that class.</summary>
/// <param name="Name">The class.</param>
/// <param name="Images">How many images of it.</param>
/// <param name="Share">The share of their nearest that are of it.</param>
/// <param name="Other">The class that others of the nearest are of most often, or null.</param>
/// <param name="OtherShare">The share of those.</param>
internal sealed record ClassAgreement(string Name, long Images, double Share, string? Other, double OtherShare);
