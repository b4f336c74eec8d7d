using Microsoft.Win32.SafeHandles;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// A folder and everything below it. Images are ordered by their relative path, compared ordinally. Where every image
/// lies in a sub-folder, the folders of the first level that hold images are the classes, in ordinal order.
/// </summary>
internal sealed class FolderSource : IImageSource
{
    private readonly string _root;
    private readonly string[] _images;
    private readonly int[] _labels = [];
    private readonly FileStamps _stamps;
    private readonly Lazy<SourceFiles> _files;

    /// <exception cref="DataException">The folder holds no image.</exception>
    public FolderSource(string root)
        : this(root, FileTree.Files(root))
    {
    }

    /// <param name="root">The folder.</param>
    /// <param name="files">What <see cref="FileTree.Files"/> found in it.</param>
    /// <exception cref="DataException">The folder holds no image.</exception>
    public FolderSource(string root, IReadOnlyList<string> files)
    {
        _root = root;
        _images = [.. files.Where(EncodedImage.HasExtension)];
        if (_images.Length == 0)
        {
            throw new DataException($"{root}: holds no images, {Describe(files)}; check the path");
        }

        _stamps = new(_images.Length, Locate);
        _files = new(Look);
        if (Array.TrueForAll(_images, image => image.Contains('/', StringComparison.Ordinal)))
        {
            var folders = Array.ConvertAll(_images, image => image[..image.IndexOf('/', StringComparison.Ordinal)]);
            string[] names = [.. folders.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            ClassNames = names;
            _labels = Array.ConvertAll(folders, name => Array.BinarySearch(names, name, StringComparer.Ordinal));
        }
    }

    public int Count => _images.Length;

    public IReadOnlyList<string> ClassNames { get; } = [];

    public IReadOnlyList<int> BlockStarts { get; } = [0];

    /// <inheritdoc/>
    /// <remarks>Looks at every file, but opens none.</remarks>
    public SourceFiles Files => _files.Value;

    public int Label(int index) => _labels is [] ? -1 : _labels[index];

    public void Read(int index, StoredImage into)
    {
        var path = Locate(index);
        try
        {
            using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            Read(file, index, into);
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(path, e);
        }
    }

    public string Locate(int index) => Path.Combine(_root, _images[index]);

    public string Name(int index) => _images[index];

    public void Dispose()
    {
    }

    private void Read(SafeFileHandle file, int index, StoredImage into)
    {
        var known = _stamps[index];
        var then = known ?? FileStamp.Of(file);
        var length = RandomAccess.GetLength(file);
        if (length > Array.MaxLength)
        {
            throw new DataException(
                $"{Locate(index)}: has {length:N0} bytes, at most {Array.MaxLength:N0} can be read; remove it or set "
                + "data.onUnreadable: skip");
        }

        // The buffer still holds the image before; and a file that changed before it was read or meanwhile shows it then.
        var isWhole = FileReading.Fill(file, into.Reset((int)length), 0);
        var now = FileStamp.Of(file);
        if (!isWhole || now != then)
        {
            throw LostFile.Changed(Locate(index), then, now);
        }

        if (known is null)
        {
            _stamps.Note(index, now);
        }
    }

    private SourceFiles Look()
    {
        _stamps.Complete();
        return new() { Folder = FolderSummary.Of(_images, _stamps) };
    }

    /// <summary>What there is in place of images: <c>but 12 .txt and 3 .csv files</c>.</summary>
    private static string Describe(IReadOnlyList<string> files)
    {
        var found = files
            .GroupBy(file => Path.GetExtension(file).ToLowerInvariant())
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key, StringComparer.Ordinal)
            .Take(5)
            .Select(group => $"{group.Count():N0} {(group.Key is "" ? "without extension" : group.Key)}");
        return files.Count == 0
            ? "it is empty, must hold .jpg, .png, .webp, .bmp or .gif files"
            : $"only other files ({string.Join(", ", found)}), must hold .jpg, .png, .webp, .bmp or .gif files";
    }
}
