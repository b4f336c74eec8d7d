using System.ComponentModel.DataAnnotations;

using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Settings of <see cref="DatasetInspector"/>.</summary>
internal sealed class InspectOptions
{
    /// <summary>The images.</summary>
    public ImageSourceOptions Source { get; set; } = new();

    /// <summary>Reads headers only: damage behind them, duplicates and pixel values are not seen.</summary>
    public bool Quick { get; set; }

    /// <summary>Threads that read and decode; what is found does not depend on their number.</summary>
    [Range(1, 1024)]
    public int Workers { get; set; } = Environment.ProcessorCount;
}
