using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// Reads images from disks and networks that may be away for a moment: a read that fails is tried again after growing
/// pauses. What was read and is no image, or a file that has changed, is not tried again.
/// </summary>
/// <param name="source">The images.</param>
/// <param name="pauses">How long to wait before each further try.</param>
/// <param name="pause">Waits; false where there is no sense in another try.</param>
internal sealed class PatientReader(IImageSource source, IReadOnlyList<TimeSpan> pauses, Func<TimeSpan, bool> pause)
{
    /// <summary>Two seconds in all.</summary>
    public static IReadOnlyList<TimeSpan> UsualPauses { get; } =
        [TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(1.5)];

    /// <inheritdoc cref="IImageSource.Read"/>
    public void Read(int index, StoredImage into)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                source.Read(index, into);
                return;
            }
            catch (DataException e) when (attempt < pauses.Count && e is { IsSourceLost: true, InnerException: not null })
            {
                if (!pause(pauses[attempt]))
                {
                    throw;
                }
            }
        }
    }
}
