using System.Collections.Concurrent;

namespace SelfSup.Images;

/// <summary>The images of one source that could not be read or decoded. Safe for several threads.</summary>
internal sealed class UnreadableImages
{
    private readonly ConcurrentDictionary<int, string> _images = new();

    /// <summary>How many different images were left out so far.</summary>
    public int Count => _images.Count;

    /// <summary>Notes an image; one that is already known is not noted again.</summary>
    public void Add(int index, string where, string reason) => _images.TryAdd(index, $"{where}: {reason}");
}
