using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Reads and decodes one image of a source after another; one thread owns it.</summary>
/// <param name="source">The images.</param>
/// <param name="maxPixels">The largest image that is decoded.</param>
/// <param name="pauses">How long to wait before a file that cannot be read is tried again, and again.</param>
internal sealed class SourceImage(IImageSource source, long maxPixels, params IReadOnlyList<TimeSpan> pauses)
{
    private readonly PatientReader _reader = new(source, pauses, Pause);
    private readonly ImageDecoder _decoder = new(maxPixels);

    /// <summary>The image as it was stored.</summary>
    public StoredImage Stored { get; } = new();

    /// <summary>Its pixels, after <see cref="Decode"/>.</summary>
    public PixelImage Pixels { get; } = new();

    /// <summary>Reads an image; what was read before is no longer valid.</summary>
    /// <exception cref="DataException">The image cannot be read.</exception>
    public void Read(int index) => _reader.Read(index, Stored);

    /// <summary>Decodes the image that was read.</summary>
    /// <exception cref="DataException">The image cannot be decoded.</exception>
    public void Decode(int index) => _decoder.Decode(Stored, Pixels, source.Locate(index));

    private static bool Pause(TimeSpan duration)
    {
        Thread.Sleep(duration);
        return true;
    }

    /// <summary>An error without its place, which is named beside it, and without its remedy.</summary>
    public static string Reason(DataException error, string where)
    {
        var lead = where + ": ";
        return WithoutRemedy(error.Message.StartsWith(lead, StringComparison.Ordinal) ? error.Message[lead.Length..] : error.Message);
    }

    /// <summary>A message without its remedy.</summary>
    public static string WithoutRemedy(string message)
    {
        var remedy = message.LastIndexOf("; ", StringComparison.Ordinal);
        return remedy > 0 ? message[..remedy] : message;
    }
}
