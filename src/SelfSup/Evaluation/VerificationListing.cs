using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Evaluation;

/// <summary>
/// Pairs listed in a CSV or Parquet file: columns <c>first</c> and <c>second</c> name images, <c>same</c> (or <c>label</c>) is 1
/// where both show the same and 0 where not, and <c>fold</c>, if it is there, says which pairs belong together.
/// </summary>
internal static class VerificationListing
{
    private const string First = "first";
    private const string Second = "second";
    private const string Same = "same";
    private const string Label = "label";
    private const string Fold = "fold";

    /// <summary>Reads them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="source">The images that it names, whose indices the pairs have.</param>
    /// <param name="folds">In how many folds pairs are dealt where the file has none.</param>
    /// <param name="seed">Deals them.</param>
    /// <exception cref="DataException">The file cannot be read, lacks a column, or names images that are not there.</exception>
    public static ImagePairs Read(string path, IImageSource source, int folds, ulong seed)
    {
        var listing = Listing.Read(
            path,
            new ListingColumn(First, ListingCells.Text),
            new ListingColumn(Second, ListingCells.Text),
            new ListingColumn(Same, ListingCells.Numbers, IsOptional: true),
            new ListingColumn(Label, ListingCells.Numbers, IsOptional: true, Unless: Same),
            new ListingColumn(Fold, ListingCells.Numbers, IsOptional: true));
        var found = ImageNames.Indices(listing, source, First, Second);
        var same = Truth(listing);
        var isListed = listing.Has(Fold);
        var inFolds = isListed ? Listed(listing) : Dealt(same, folds, seed);
        return new ImagePairs(
            [.. Enumerable.Range(0, listing.Rows).Select(row => new ImagePair(found[0][row], found[1][row], same[row], inFolds[row]))],
            isListed ? [] : [Described(path, inFolds, folds)],
            isListed);
    }

    private static string Described(string path, int[] dealt, int folds)
    {
        var number = dealt.Distinct().Count();
        return number == folds
            ? $"{path} has no column '{Fold}': pairs are dealt into {folds} folds, which may share images"
            : $"{path} has no column '{Fold}': {dealt.Length} pairs are dealt into {number} {(number == 1 ? "fold" : "folds")}, not {folds}, which may share images; list more " +
                "pairs, or lower --folds";
    }

    private static bool[] Truth(Listing listing)
    {
        var column = listing.Has(Same) ? Same : listing.Has(Label) ? Label : throw new DataException(
            $"{listing.Path}: has no column '{Same}' and no '{Label}', must have one that is 1 where both images show the same and 0 where not; add it");
        var numbers = listing.Numbers(column);
        var same = new bool[numbers.Length];
        for (var row = 0; row < same.Length; row++)
        {
            same[row] = numbers[row] is 0 or 1
                ? numbers[row] == 1
                : throw new DataException($"{listing.Where(row)}: '{column}' is {numbers[row]}, must be 1 (the same) or 0; correct it");
        }

        return same;
    }

    private static int[] Listed(Listing listing)
    {
        var numbers = listing.Numbers(Fold);
        var folds = new int[numbers.Length];
        for (var row = 0; row < folds.Length; row++)
        {
            folds[row] = numbers[row] >= 0 && numbers[row] < int.MaxValue && double.IsInteger(numbers[row])
                ? (int)numbers[row]
                : throw new DataException($"{listing.Where(row)}: '{Fold}' is {numbers[row]}, must be a whole number from 0; correct it");
        }

        return folds.Distinct().Count() > 1
            ? folds
            : throw new DataException($"{listing.Path}: all pairs are of fold {folds[0]}, must be of at least two; correct '{Fold}' or leave the column out");
    }

    // Pairs of each kind spread evenly.
    private static int[] Dealt(bool[] same, int folds, ulong seed)
    {
        var dealt = new int[same.Length];
        foreach (var kind in new[] { true, false })
        {
            int[] rows = [.. Enumerable.Range(0, same.Length).Where(row => same[row] == kind)];
            EvaluationDraw.Of(seed, EvaluationDraw.Folds, kind ? 1 : 0).Shuffle(rows.AsSpan());
            foreach (var (place, row) in rows.Index())
            {
                dealt[row] = place % folds;
            }
        }

        return dealt;
    }
}
