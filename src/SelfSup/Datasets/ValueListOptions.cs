using System.ComponentModel.DataAnnotations;

using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Numbers that belong to the images, such as an age or a pose, as continuous labels.</summary>
internal sealed class ValueListOptions
{
    /// <summary>
    /// A CSV file with a header, or a Parquet file, with a row for every image. Images are named by their path below the folder, or
    /// by the number of their row in the files, from 0. Rows of images that are not used are no error.
    /// </summary>
    [DoesNotChangeTraining]
    [Required]
    [PathSetting]
    public string Path { get; set; } = "";

    /// <summary>The column that names the image.</summary>
    [Required]
    public string Image { get; set; } = "image";

    /// <summary>The columns with numbers, V of them.</summary>
    [Required]
    [MinLength(1)]
    public string[] Columns { get; set; } = ["value"];
}
