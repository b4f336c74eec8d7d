using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// A hash by which a pack that goes on notices that its images are no longer those it began with: names, lengths and
/// times of change of the files, labels, and the names of the classes. No image is read for it.
/// </summary>
internal static class SourceFingerprint
{
    /// <exception cref="DataException">A file is gone.</exception>
    public static string Of(IImageSource source, IReadOnlyList<string> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var number = new byte[8];
        Number(source.Count);
        for (var i = 0; i < source.Count; i++)
        {
            Number(source.Label(i));
        }

        foreach (var name in source.ClassNames)
        {
            Text(name);
        }

        foreach (var path in files)
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                throw new DataException($"{path}: this file is gone; leave the images alone while they are packed");
            }

            Text(path);
            Number(file.Length);
            Number(file.LastWriteTimeUtc.Ticks);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Number(long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            hash.AppendData(number);
        }

        void Text(string value)
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            Number(bytes.Length);
            hash.AppendData(bytes);
        }
    }
}
