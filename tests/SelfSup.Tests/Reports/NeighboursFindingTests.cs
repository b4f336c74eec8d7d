using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Reports;
using SelfSup.Tests.Support;

using SkiaSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Reports;

public sealed class NeighboursFindingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Six images on a quarter of a circle, a class at each end; the last of the first class lies among the others.</summary>
    [Fact]
    public void TheNearestAreThoseOfTheSmallestAngles()
    {
        using var sample = Sample();
        double[] degrees = [0, 10, 80, 75, 85, 90];
        using var features = new FeatureSet(
            "images", tensor(degrees.SelectMany(angle => new[] { (float)Math.Cos(angle * Math.PI / 180), (float)Math.Sin(angle * Math.PI / 180) }).ToArray()).view(6, 2), [0, 0, 0, 1, 1, 1], ["cat", "dog"]);
        var found = NeighboursFinding.Of(features, sample, rows: 2, hasPictures: true);

        Assert.Equal(["cat", "dog"], found.Queries.Select(query => query.Image.Class!).Order());
        foreach (var query in found.Queries)
        {
            var own = Angle(query.Image);
            var others = degrees.Where(angle => angle != own).OrderBy(angle => Math.Abs(angle - own)).ToArray();
            Assert.Equal(others.Select(angle => Math.Abs(angle - own)), query.Nearest.Select(near => Math.Abs(Angle(near.Image) - own)));
            Assert.Equal(Math.Cos((others[0] - own) * Math.PI / 180), query.Nearest[0].Cosine, 1e-5);
            Assert.Equal(2 * Math.Sin(Math.Abs(others[0] - own) * Math.PI / 360), query.Nearest[0].Distance, 1e-3);
            Assert.StartsWith("data:image/webp;base64,", query.Nearest[0].Image.Picture!.Address, StringComparison.Ordinal);
        }

        // All five others are near to each: two of them are of its class.
        Assert.Equal(0.4, found.Agreement!.Value, 1e-12);
        Assert.Equal([new ClassAgreement("cat", 3, 0.4, "dog", 0.6), new ClassAgreement("dog", 3, 0.4, "cat", 0.6)], found.ByClass);

        double Angle(SampledImage image) => degrees[int.Parse(image.Name[4..5], System.Globalization.CultureInfo.InvariantCulture)];
    }

    /// <summary>A table of all pairs of so many classes would be larger than arrays can be.</summary>
    [Fact]
    public void ClassesWithoutImagesTakeNoMemory()
    {
        using var sample = Sample();
        string[] classes = [.. Enumerable.Range(0, 70_000).Select(i => $"{i}")];
        using var features = new FeatureSet("images", eye(6, 6), [7, 7, 69_999, 69_999, 69_999, -1], classes);
        var found = NeighboursFinding.Of(features, sample, rows: 1, hasPictures: false);
        // Each has the other five near, of which one has no class.
        Assert.Equal(
            [new ClassAgreement("7", 2, 1 / 4.0, "69999", 3 / 4.0), new ClassAgreement("69999", 3, 2 / 4.0, "7", 2 / 4.0)], found.ByClass);
    }

    /// <summary>Runs share a picture of their images only where these are the same ones.</summary>
    [Fact]
    public void WhatWasLeftOutTellsSamplesApart()
    {
        using var sample = Sample();
        using var other = Sample();
        Assert.Equal(sample.Key([0, 1, 2, 4]), other.Key([0, 1, 2, 4]));
        Assert.NotEqual(sample.Key([0, 1, 2, 4]), other.Key([0, 1, 3, 4]));
    }

    private ImageSample Sample()
    {
        for (var i = 0; i < 6; i++)
        {
            using var bitmap = new SKBitmap(8, 8);
            bitmap.Erase(SKColor.FromHsv(60 * i, 80, 80));
            using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            _folder.Write($"{(i < 3 ? "cat" : "dog")}/{i}.png", png.ToArray());
        }

        return ImageSample.Open(new ImageSourceOptions { Path = _folder.Path }, "data", 100, EvaluationDraw.ReportedTest);
    }
}
