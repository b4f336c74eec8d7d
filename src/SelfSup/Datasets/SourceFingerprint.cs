using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// A hash by which a pack that goes on notices that its images are no longer those it began with: names, lengths and
/// times of change of the files, labels, and the names of the classes. No image is read for it. It is stricter than
/// <see cref="SourceFiles"/>, as a pack goes on where it began and would keep what it has already written.
/// </summary>
internal static class SourceFingerprint
{
    /// <exception cref="DataException">A file is gone.</exception>
    public static string Of(IImageSource source, IReadOnlyList<string> files)
    {
        using var hash = new FieldHash();
        hash.Number(source.Count);
        for (var i = 0; i < source.Count; i++)
        {
            hash.Number(source.Label(i));
        }

        foreach (var name in source.ClassNames)
        {
            hash.Text(name);
        }

        var stamps = new FileStamps(files.Count, file => files[file]);
        stamps.Complete();
        for (var file = 0; file < files.Count; file++)
        {
            var stamp = stamps[file]!.Value;
            hash.Text(files[file]);
            hash.Number(stamp.Length);
            hash.Number(stamp.Written);
        }

        return hash.Finish();
    }
}
