using System.ComponentModel.DataAnnotations;

using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>A list of pairs or triplets of images, from which is learned in place of labels.</summary>
internal sealed class PairListOptions
{
    /// <summary>
    /// A CSV file with a header, or a Parquet file. Images are named by their path below the folder, or by the number of their row
    /// in the files, from 0.
    /// </summary>
    [DoesNotChangeTraining]
    [Required]
    [PathSetting]
    public string Path { get; set; } = "";

    /// <summary>The column with the image that others are compared with.</summary>
    [Required]
    public string Anchor { get; set; } = "anchor";

    /// <summary>The column with the image that is similar to it or, with scores, that the score is of.</summary>
    [Required]
    public string Positive { get; set; } = "positive";

    /// <summary>
    /// The column with an image that is not similar. Where not set: <c>negative</c>, if the file has it; an empty text, <c>""</c>,
    /// leaves it unread.
    /// </summary>
    public string? Negative { get; set; }

    /// <summary>
    /// The column that says how similar they are, above 0 where at all. Where not set: <c>score</c>, if the file has it; an empty
    /// text, <c>""</c>, leaves it unread.
    /// </summary>
    public string? Score { get; set; }

    /// <summary>
    /// C, how many rows of one anchor make one tuple, whose scores losses of lists compare; each anchor needs so many. 1 makes a
    /// pair or triplet of each row.
    /// </summary>
    [Range(1, 1024)]
    public int Candidates { get; set; } = 1;
}
