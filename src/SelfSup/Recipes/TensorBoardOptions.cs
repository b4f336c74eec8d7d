using System.ComponentModel.DataAnnotations;

namespace SelfSup.Recipes;

/// <summary>The section <c>telemetry.tensorBoard</c>, which asks for files for TensorBoard; <c>{}</c> for its defaults.</summary>
internal sealed class TensorBoardOptions
{
    /// <summary>Histograms of embeddings at the first look at them, and at the first after every so many steps.</summary>
    [Range(1, int.MaxValue)]
    public int HistogramsEverySteps { get; set; } = 100;

    /// <summary>A contact sheet of the views of every so many epochs.</summary>
    [Range(1, int.MaxValue)]
    public int ImagesEveryEpochs { get; set; } = 10;

    /// <summary>At every evaluation the features of up to so many test images are written for the projector; 0 for none.</summary>
    [Range(0, 10_000)]
    public int ProjectorImages { get; set; } = 1000;
}
