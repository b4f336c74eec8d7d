using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>What an inspection finds out about one image.</summary>
internal sealed record ImageFacts
{
    /// <summary>Bytes as stored.</summary>
    public long Bytes { get; init; }

    /// <summary>JPEG, PNG and so on, <c>raw</c> for pixels without a format; null where no format is known.</summary>
    public string? Format { get; init; }

    /// <summary>Null where it is no JPEG.</summary>
    public JpegFrame? Jpeg { get; init; }

    /// <summary>Of the upright image; 0 where it cannot be read.</summary>
    public int Width { get; init; }

    public int Height { get; init; }

    /// <summary>Of the bytes as stored; null where only headers are read.</summary>
    public UInt128? Hash { get; init; }

    /// <summary>Mean of the pixels in 0..1 by channel, and of their squares; null where they are not decoded.</summary>
    public (double[] Values, double[] Squares)? Means { get; init; }

    /// <summary>Why it cannot be read; null where it can.</summary>
    public DataException? Error { get; init; }
}
