using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class JpegFrameTests
{
    [Theory]
    [InlineData("jpeg-420.jpg", false, 3, "4:2:0")]
    [InlineData("jpeg-444.jpg", false, 3, "4:4:4")]
    [InlineData("jpeg-gray.jpg", false, 1, null)]
    [InlineData("jpeg-cmyk.jpg", false, 4, null)]
    [InlineData("jpeg-progressive.jpg", true, 3, "4:2:0")]
    public void TheHeaderSaysWhatAJpegIs(string name, bool isProgressive, int components, string? sampling) =>
        Assert.Equal(new JpegFrame(isProgressive, components, sampling), JpegFrame.Find(Fixture.Bytes(name)));

    [Fact]
    public void AFileThatEndsEarlyHasNoHeader()
    {
        var file = Fixture.Bytes("jpeg-420.jpg");
        var found = Enumerable.Range(2, file.Length - 2).Count(length => JpegFrame.Find(file.AsSpan(0, length)) is not null);
        Assert.InRange(found, 1, file.Length - 100);
        Assert.Null(JpegFrame.Find([0xFF, 0xD8]));
        Assert.Null(JpegFrame.Find([0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xC0, 0, 1]));
    }
}
