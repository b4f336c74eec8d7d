using System.ComponentModel.DataAnnotations;

namespace SelfSup.Reports;

/// <summary>What a report shows, and of how many images.</summary>
internal sealed class ReportOptions
{
    /// <summary>
    /// Test images that the network looks at, drawn alike for every run over the same data; for the probe it learns from at most
    /// <see cref="TrainingFactor"/> times as many.
    /// </summary>
    [Range(16, 20_000)]
    public int Images { get; set; } = 2000;

    /// <summary>Images in the contact sheet of views, and queries of the nearest neighbours.</summary>
    [Range(1, 64)]
    public int Rows { get; set; } = 8;

    /// <summary>Whether images are shown at all: they may not be for everyone's eyes.</summary>
    public bool HasPictures { get; set; } = true;

    /// <summary>Whether the network looks at images; without, a report needs no more than the text files of a run.</summary>
    public bool UsesNetwork { get; set; } = true;

    /// <summary>How many training images there are for each test image at most.</summary>
    public const int TrainingFactor = 4;

    /// <summary>Nearest images of a query.</summary>
    public const int Neighbours = 8;
}
