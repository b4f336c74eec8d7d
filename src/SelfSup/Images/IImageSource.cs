using System.Globalization;

namespace SelfSup.Images;

/// <summary>
/// A numbered collection of images. Indices run from 0 to <see cref="Count"/> - 1 and mean the same image on every
/// machine and in every run over the same data. All members may be called from several threads at once.
/// </summary>
internal interface IImageSource : IDisposable
{
    /// <summary>M, the number of images.</summary>
    int Count { get; }

    /// <summary>The names of the classes; empty where the source has no labels. Labels index this list.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>
    /// Where neighbouring images lie together and are read together (the row groups of a Parquet file): the first index
    /// of each block, ascending, starting with 0. A single block where access is equally fast everywhere.
    /// </summary>
    IReadOnlyList<int> BlockStarts { get; }

    /// <summary>
    /// How many blocks the source can keep in memory at once with room for reading ahead: what may be mixed with each
    /// other in a random order. All of them where access is equally fast everywhere.
    /// </summary>
    int WindowBlocks => int.MaxValue;

    /// <summary>Bytes of images that are in memory.</summary>
    long CacheBytes => 0;

    /// <summary>
    /// What the files are, by which a run that goes on notices other data. The first time it may look at every file.
    /// </summary>
    /// <exception cref="Errors.DataException">A file cannot be looked at.</exception>
    SourceFiles Files { get; }

    /// <summary>The label of an image, or -1 where the source has no labels.</summary>
    int Label(int index);

    /// <summary>Reads an image without decoding it.</summary>
    /// <param name="index">Which.</param>
    /// <param name="into">Takes a copy; after an error its content is undefined.</param>
    /// <exception cref="Errors.DataException">
    /// There is no image or none that can be decoded; or its file cannot be read or has changed, which is
    /// <see cref="Errors.DataException.IsSourceLost"/>.
    /// </exception>
    void Read(int index, StoredImage into);

    /// <summary>Where the image is, for messages: a file's path, or a file and row.</summary>
    string Locate(int index);

    /// <summary>Which image it is of all that the files hold, from 0; its index, unless some are left out.</summary>
    int Row(int index) => index;

    /// <summary>What the image is called within its source: a path below a folder, or its number.</summary>
    string Name(int index) => index.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>
    /// Where the image is among the files of the source, whatever folder those lie in: a path below a folder, or a file and row
    /// (<c>train-00001.parquet, row 12</c>).
    /// </summary>
    string Address(int index) => Name(index);
}
