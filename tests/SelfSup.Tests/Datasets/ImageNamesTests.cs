using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Datasets;

public sealed class ImageNamesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ImageNamesTests()
    {
        foreach (var name in (string[])["cat/1.png", "cat/2.png", "dog/1.png", "owl/1.png"])
        {
            _folder.Write($"images/{name}", Fixture.Bytes("png-rgb.png"));
        }
    }

    [Fact]
    public void PathsBelowTheFolderAndRowsAreNames()
    {
        using var source = Source();
        Assert.Equal([0, 2, 3, 3], Indices(source, "cat/1.png", "dog/1.png", "owl/1.png", "3"));
    }

    [Fact]
    public void NamesStayThoseOfAllImagesWhereSomeAreLeftOut()
    {
        using var source = Source("dog");
        Assert.Equal([0, 2, 2, 1], Indices(source, "cat/1.png", "owl/1.png", "3", "1"));
    }

    [Fact]
    public void SourcesWithoutNamesHaveRows()
    {
        using var source = new SubsetSource(new MadeUpImages(10, 4), [3, 7], [0, 1]);
        Assert.Equal([1, 0, 1], Indices(source, "7", "3", "00000007"));
        Assert.Contains(
            "1 of 1 rows name images that are not there, 1 of them: '0' (line 2, anchor)",
            Assert.Throws<DataException>(() => Indices(source, "0")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNotThereIsNamedWithItsLine()
    {
        using var source = Source("dog");
        var text = "anchor,positive\ncat/1.png,cat/2.png\ncat/9.png,cat/1.png\ncat/1.png,dog/1.png\ncat/9.png,99\n";
        var listing = Read(text, "anchor", "positive");
        var message = Assert.Throws<DataException>(() => ImageNames.Indices(listing, source, "anchor", "positive")).Message;
        Assert.Contains(
            "3 of 4 rows name images that are not there, 3 of them: 'cat/9.png' (line 3, anchor), 'dog/1.png' (line 4, positive), "
            + "'99' (line 5, positive); there are 3 images, such as 'cat/1.png'",
            message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private IImageSource Source(params string[] except) =>
        ImageSources.Open(new() { Path = _folder.File("images"), ExceptClasses = except });

    private int[] Indices(IImageSource source, params string[] names) =>
        ImageNames.Indices(Read($"anchor\n{string.Join('\n', names)}\n", "anchor"), source, "anchor")[0];

    private Listing Read(string text, params string[] columns) => Listing.Read(
        _folder.Write("pairs.csv", text), [.. columns.Select(column => new ListingColumn(column, ListingCells.Text))]);
}
