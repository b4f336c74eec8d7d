using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>The images that come with the repository.</summary>
public sealed class EmbeddedDataTests
{
    [Theory]
    [InlineData("train", 10_000)]
    [InlineData("test", 2_000)]
    public void TheEmbeddedFashionMnistIsWhole(string part, int count)
    {
        var path = Path.Combine(Fixture.RepositoryRoot, "recipes", "data", "fashion-mnist", part + ".parquet");
        using var source = ImageSources.Open(new() { Path = path });
        Assert.Equal(count, source.Count);
        Assert.Equal(Enumerable.Range(0, count / 1000).Select(group => group * 1000), source.BlockStarts);
        Assert.Equal("T-shirt/top", source.ClassNames[0]);
        Assert.Equal("Ankle boot", source.ClassNames[9]);
        var labels = Enumerable.Range(0, count).Select(source.Label).ToArray();
        Assert.All(labels.CountBy(label => label), each => Assert.Equal(count / 10, each.Value));
        // Both parts of the original begin with an ankle boot.
        Assert.Equal("Ankle boot", source.ClassNames[labels[0]]);

        var decoder = new ImageDecoder(28 * 28);
        var image = new PixelImage();
        var sums = new double[10];
        for (var index = 0; index < count; index++)
        {
            decoder.Decode(source.Read(index), image, source.Locate(index));
            Assert.Equal((28, 28), (image.Width, image.Height));
            foreach (var value in image.Pixels)
            {
                sums[labels[index]] += value;
            }
        }

        // The mean of all 60,000 images is 0.2860 (the constant everybody normalises with); sandals are mostly
        // background.
        var means = Array.ConvertAll(sums, sum => sum / (count / 10 * 28 * 28 * 3) / 255);
        Assert.Equal(0.2860, means.Average(), 0.004);
        Assert.Equal("Sandal", source.ClassNames[Array.IndexOf(means, means.Min())]);
    }
}
