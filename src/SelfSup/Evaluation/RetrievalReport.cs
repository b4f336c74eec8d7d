using System.Globalization;
using System.Text.Json.Serialization;

namespace SelfSup.Evaluation;

/// <summary>How well images find others of their class. All measures lie in 0 .. 1.</summary>
internal sealed record RetrievalReport
{
    /// <summary>How many queries were judged.</summary>
    public required long Queries { get; init; }

    /// <summary>How many were not, because no other image of their class is there to be found.</summary>
    public required long LeftOut { get; init; }

    /// <summary>How many images were searched, in a set with itself each query among them.</summary>
    public required long Reference { get; init; }

    /// <summary>Means over the queries.</summary>
    public required RetrievalMeasures Mean { get; init; }

    /// <summary>Means over the classes of their means.</summary>
    public required RetrievalMeasures MeanPerClass { get; init; }

    /// <summary>Every class with a query, in label order.</summary>
    public required IReadOnlyList<ClassRetrieval> Classes { get; init; }

    /// <summary>What a reader of the numbers must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>
    /// The means over the queries by name, as evaluations of a run report them: <c>recallAt1</c> and so on,
    /// <c>precisionAt1</c>, <c>rPrecision</c>, <c>mapAtR</c>, and <c>map</c> and <c>mrr</c> of whole rankings.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, double> Numbers
    {
        get
        {
            var numbers = Mean.RecallAt.ToDictionary(r => "recallAt" + r.Key.ToString(CultureInfo.InvariantCulture), r => r.Value);
            (numbers["precisionAt1"], numbers["rPrecision"], numbers["mapAtR"]) = (Mean.PrecisionAt1, Mean.RPrecision, Mean.MapAtR);
            if (Mean is { Map: { } map, Mrr: { } mrr })
            {
                (numbers["map"], numbers["mrr"]) = (map, mrr);
            }

            return numbers;
        }
    }
}

/// <summary>Means over queries or classes.</summary>
internal sealed record RetrievalMeasures
{
    /// <summary>By k: the share of queries with at least one image of their class among the k nearest.</summary>
    public required IReadOnlyDictionary<int, double> RecallAt { get; init; }

    /// <summary>The share of queries whose nearest image is of their class.</summary>
    public required double PrecisionAt1 { get; init; }

    /// <summary>The share of right images among the R nearest.</summary>
    public required double RPrecision { get; init; }

    /// <summary>(1 / R) sum over the R nearest of the precision so far where an image is right.</summary>
    public required double MapAtR { get; init; }

    /// <summary>The same over all ranks; null unless whole rankings were asked for.</summary>
    public double? Map { get; init; }

    /// <summary>The mean of 1 / the rank of the first right image; null unless whole rankings were asked for.</summary>
    public double? Mrr { get; init; }
}

/// <summary>How well the images of one class find each other.</summary>
/// <param name="Name">The class.</param>
/// <param name="Queries">How many were judged.</param>
/// <param name="PrecisionAt1">The share whose nearest image is of the class.</param>
/// <param name="MapAtR">The mean average precision at R.</param>
internal sealed record ClassRetrieval(string Name, long Queries, double PrecisionAt1, double MapAtR);
