using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>What an inspection found.</summary>
internal sealed record InspectReport
{
    public required string Path { get; init; }

    /// <summary>folder, Parquet or IDX.</summary>
    public required string Kind { get; init; }

    public required int Files { get; init; }

    /// <summary>Row groups of Parquet files; null for other sources.</summary>
    public int? RowGroups { get; init; }

    /// <summary>Images in all, those that cannot be read and rows without one included.</summary>
    public required int Images { get; init; }

    /// <summary>Bytes of the images as stored.</summary>
    public required long Bytes { get; init; }

    /// <summary>Whether only headers were read.</summary>
    public required bool Quick { get; init; }

    /// <summary>Images by format, the most frequent first.</summary>
    public required IReadOnlyDictionary<string, int> Formats { get; init; }

    /// <summary>Null where there are no JPEGs.</summary>
    public JpegCounts? Jpeg { get; init; }

    public ValueRange? Width { get; init; }

    public ValueRange? Height { get; init; }

    /// <summary>A histogram of the images' sizes, from the first bin that is not empty to the last.</summary>
    public required IReadOnlyList<MegapixelBin> Megapixels { get; init; }

    /// <summary>The classes in their order; empty where there are no labels.</summary>
    public required IReadOnlyList<ClassCount> Classes { get; init; }

    /// <summary>Images without a label, where there are labels.</summary>
    public required int Unlabelled { get; init; }

    /// <summary>Rows whose image is null.</summary>
    public required int RowsWithoutImage { get; init; }

    public required IReadOnlyList<UnreadableImage> Unreadable { get; init; }

    /// <summary>Images whose bytes are those of an earlier one; null where only headers were read.</summary>
    public int? Duplicates { get; init; }

    /// <summary>Of the pixels in 0..1, red, green and blue; every image counts the same, as in training.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    public IReadOnlyList<double>? StandardDeviation { get; init; }
}

/// <summary>What the JPEGs are.</summary>
/// <param name="Progressive">Those refined by several scans, which take longer to decode.</param>
/// <param name="Gray">Those of one component.</param>
/// <param name="Cmyk">Those of four components.</param>
/// <param name="Sampling">Those of three components by the resolution of their colours.</param>
internal sealed record JpegCounts(int Progressive, int Gray, int Cmyk, IReadOnlyDictionary<string, int> Sampling);

/// <param name="From">Megapixels, inclusive.</param>
/// <param name="To">Megapixels, exclusive; null for the last bin.</param>
/// <param name="Images">How many.</param>
internal sealed record MegapixelBin(double From, double? To, int Images);

/// <param name="Name">The class.</param>
/// <param name="Images">How many have its label, readable or not.</param>
internal sealed record ClassCount(string Name, int Images);
