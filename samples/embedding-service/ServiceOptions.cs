namespace SelfSup.Samples.EmbeddingService;

/// <summary>Settings, from the command line (<c>--model FILE</c>), the environment or appsettings.json.</summary>
public sealed class ServiceOptions
{
    /// <summary>The ONNX file.</summary>
    public string Model { get; set; } = "";

    /// <summary>Bytes of a request.</summary>
    public long MaxBodyBytes { get; set; } = 32 << 20;

    /// <summary>Pixels of an image; a file of a few kilobytes may claim billions.</summary>
    public long MaxPixels { get; set; } = 50_000_000;

    /// <summary>Images of a request.</summary>
    public int MaxImages { get; set; } = 32;

    /// <summary>Requests that may wait for a core.</summary>
    public int MaxWaiting { get; set; } = 64;
}
