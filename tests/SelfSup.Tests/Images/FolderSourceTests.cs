using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

public sealed class FolderSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void ImagesAreInOrdinalOrderOfTheirPaths()
    {
        string[] names = ["b/2.png", "a/x/9.webp", "a/10.JPG", "a/9.jpeg", "B/1.gif", "a/z.bmp", "a b/1.jpg"];
        foreach (var name in names)
        {
            _folder.Write(name);
        }

        using var source = new FolderSource(_folder.Path);
        Assert.Equal(
            ["B/1.gif", "a b/1.jpg", "a/10.JPG", "a/9.jpeg", "a/x/9.webp", "a/z.bmp", "b/2.png"],
            Enumerable.Range(0, source.Count).Select(i => Path.GetRelativePath(_folder.Path, source.Locate(i))));
        Assert.Equal(["B", "a", "a b", "b"], source.ClassNames);
        Assert.Equal([0, 2, 1, 1, 1, 1, 3], Enumerable.Range(0, source.Count).Select(source.Label));
        Assert.Equal([0], source.BlockStarts);
    }

    [Fact]
    public void AnImageBesideTheFoldersMeansThereAreNoClasses()
    {
        _folder.Write("a/1.png");
        _folder.Write("2.png");
        using var source = new FolderSource(_folder.Path);
        Assert.Empty(source.ClassNames);
        Assert.Equal([-1, -1], [source.Label(0), source.Label(1)]);
    }

    [Fact]
    public void OtherFilesAndHiddenOnesAreLeftOut()
    {
        string[] names = ["a/1.png", "a/1.txt", "README.md", "a/._1.png", ".cache/2.png", "empty/note.txt"];
        foreach (var name in names)
        {
            _folder.Write(name);
        }

        using var source = new FolderSource(_folder.Path);
        Assert.Equal(1, source.Count);
        Assert.Equal(["a"], source.ClassNames);
    }

    [Fact]
    public void TheBytesAreTheFiles()
    {
        var path = _folder.Write("1.png", "content");
        using var source = new FolderSource(_folder.Path);
        Assert.Equal("content"u8, source.Read(0).Bytes.Span);
    }

    [Fact]
    public void AFolderOfOtherFilesSaysWhatItFound()
    {
        foreach (var name in (string[])["1.txt", "a/2.txt", "3.csv", "LICENSE"])
        {
            _folder.Write(name);
        }

        var error = Assert.Throws<DataException>(() => new FolderSource(_folder.Path));
        Assert.Equal(
            $"{_folder.Path}: holds no images, only other files (2 .txt, 1 without extension, 1 .csv), must "
            + "hold .jpg, .png, .webp, .bmp or .gif files; check the path",
            error.Message);
    }

    [Fact]
    public void AnEmptyFolderIsRefused()
    {
        var error = Assert.Throws<DataException>(() => new FolderSource(_folder.Path));
        Assert.StartsWith($"{_folder.Path}: holds no images, it is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LinksAreFollowedButNotInCircles()
    {
        _folder.Write("real/1.png");
        Directory.CreateDirectory(_folder.File("real/sub"));
        Directory.CreateSymbolicLink(_folder.File("alias"), _folder.File("real"));
        Directory.CreateSymbolicLink(_folder.File("real/sub/up"), _folder.Path);
        Directory.CreateSymbolicLink(_folder.File("real/self"), ".");
        using var source = new FolderSource(_folder.Path);
        Assert.Equal(
            ["alias/1.png", "real/1.png"],
            Enumerable.Range(0, source.Count).Select(i => Path.GetRelativePath(_folder.Path, source.Locate(i))));
    }

    public void Dispose() => _folder.Dispose();
}
