using System.Collections.Concurrent;

namespace SelfSup.Images;

/// <summary>
/// The images of one source that a run left out because they could not be decoded. Safe for several threads.
/// </summary>
internal sealed class UnreadableImages
{
    private readonly ConcurrentDictionary<int, UnreadableImage> _images = new();

    /// <summary>How many different images were left out so far.</summary>
    public int Count => _images.Count;

    /// <summary>Notes an image; one that is already known is not noted again.</summary>
    /// <param name="index">The image's index in its source.</param>
    /// <param name="where">Where it is, see <see cref="IImageSource.Locate"/>.</param>
    /// <param name="reason">An error's message; a leading <c>where: </c> is left out.</param>
    public void Add(int index, string where, string reason)
    {
        var lead = where + ": ";
        var what = reason.StartsWith(lead, StringComparison.Ordinal) ? reason[lead.Length..] : reason;
        _images.TryAdd(index, new UnreadableImage(where, what));
    }

    /// <summary>What was noted so far of images from an index up to another, in the order of the source.</summary>
    /// <param name="first">The first index.</param>
    /// <param name="end">The index after the last.</param>
    public IReadOnlyList<UnreadableImage> Snapshot(int first, int end) =>
    [
        .. _images.ToArray().Where(entry => entry.Key >= first && entry.Key < end).OrderBy(entry => entry.Key).Select(entry => entry.Value),
    ];

    /// <summary>What was noted so far, in the order of the source.</summary>
    public IReadOnlyList<UnreadableImage> Snapshot() =>
        [.. _images.ToArray().OrderBy(entry => entry.Key).Select(entry => entry.Value)];
}

/// <summary>An image that was left out.</summary>
/// <param name="Where">Where it is.</param>
/// <param name="Reason">Why it could not be read or decoded.</param>
internal sealed record UnreadableImage(string Where, string Reason);
