using SelfSup.Augmentation;
using SelfSup.Images;

namespace SelfSup.Tests.Augmentation;

public sealed class ViewCanvasTests
{
    private static readonly Region _crop = new(3, 5, 20, 31);

    [Fact]
    public void TheImageIsReadAsValuesBetween0And1()
    {
        var image = Views.Image(7, 5);
        var planes = Views.Canvas(image).Planes;
        Assert.Equal(3 * 5 * 7, planes.Length);
        Assert.Equal(image.Pixels[(3 * 9) + 1] / 255f, planes[35 + 9]);
    }

    /// <summary>Whatever is only noted while the view is the image gives what the planes give.</summary>
    [Theory]
    [InlineData(nameof(Interpolation.Bilinear), true)]
    [InlineData(nameof(Interpolation.Bicubic), true)]
    [InlineData(nameof(Interpolation.Bilinear), false)]
    [InlineData(nameof(Interpolation.Bicubic), false)]
    public void NotedTransformsEqualTransformsOfThePlanes(string interpolation, bool antialias)
    {
        var image = Views.Image(50, 40);
        var (noted, done) = (Views.Canvas(image), Views.Canvas(image, planes: true));
        foreach (var canvas in new[] { noted, done })
        {
            canvas.FlipHorizontal();
            canvas.Crop(new Region(2, 1, 30, 45));
            canvas.FlipVertical();
            canvas.ResizedCrop(_crop with { Height = 17 }, 24, 12, Enum.Parse<Interpolation>(interpolation), antialias);
            canvas.FlipHorizontal();
        }

        Assert.Equal((24, 12), (noted.Height, noted.Width));
        Assert.InRange(Views.Difference(noted.Planes, done.Planes), 0, 1e-5);
    }

    [Fact]
    public void TwoFlipsAreNone()
    {
        var image = Views.Image(9, 6);
        var canvas = Views.Canvas(image, planes: true);
        canvas.FlipHorizontal();
        canvas.FlipVertical();
        Assert.NotEqual(Views.Canvas(image).Planes.ToArray(), canvas.Planes.ToArray());
        canvas.FlipHorizontal();
        canvas.FlipVertical();
        Assert.Equal(Views.Canvas(image).Planes.ToArray(), canvas.Planes.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ACropOverTheEdgeIsBlackOutside(bool planes)
    {
        var image = Views.Image(4, 4);
        var canvas = Views.Canvas(image, planes);
        canvas.Crop(new Region(-1, 2, 4, 4));
        var values = canvas.Planes;
        Assert.All(values[..4].ToArray(), v => Assert.Equal(0, v));
        Assert.Equal(image.Pixels[3 * 2] / 255f, values[4]);
        Assert.Equal(image.Pixels[3 * 3] / 255f, values[5]);
        Assert.Equal(0, values[6]);
        Assert.Equal(0, values[7]);
    }

    [Theory]
    [InlineData(nameof(Interpolation.Bilinear))]
    [InlineData(nameof(Interpolation.Bicubic))]
    public void AnAntialiasedResizeToTheSameSizeChangesNothing(string interpolation)
    {
        var image = Views.Image(33, 21);
        var canvas = Views.Canvas(image);
        canvas.ResizedCrop(new Region(0, 0, 21, 33), 21, 33, Enum.Parse<Interpolation>(interpolation), antialias: true);
        Assert.InRange(Views.Difference(Views.Canvas(image).Planes, canvas.Planes), 0, 1e-6);
    }

    /// <summary>A gray image has to stay gray, and a constant one constant: every table's weights sum to 1.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(200, 3)]
    [InlineData(3, 200)]
    public void ConstantsStayConstant(int height, int width)
    {
        foreach (var interpolation in Enum.GetValues<Interpolation>())
        {
            foreach (var antialias in new[] { true, false })
            {
                var image = Views.Image(40, 40);
                image.Pixels.Fill(51);
                var canvas = Views.Canvas(image);
                canvas.ResizedCrop(_crop, height, width, interpolation, antialias);
                canvas.GaussianBlur(9, 1.5);
                Assert.All(canvas.Planes.ToArray(), v => Assert.Equal(0.2, v, 1e-5));
            }
        }
    }

    [Fact]
    public void AResizeWithoutAntialiasingReadsBetweenTheNearestPixels()
    {
        var image = Views.Image(2, 1);
        image.Pixels.Clear();
        image.Pixels[3..].Fill(255);
        var canvas = Views.Canvas(image);
        canvas.ResizedCrop(new Region(0, 0, 1, 2), 1, 4, Interpolation.Bilinear, antialias: false);
        Assert.Equal([0, 0.25f, 0.75f, 1], canvas.Planes[..4].ToArray(), (a, b) => Math.Abs(a - b) < 1e-6);

        // Positions -0.25, 0.25, 0.75, 1.25 between edge pixels that repeat; weights of Keys's kernel with a = -0.75.
        canvas.Start(image);
        canvas.ResizedCrop(new Region(0, 0, 1, 2), 1, 4, Interpolation.Bicubic, antialias: false);
        var inner = Keys(0.75) + Keys(1.75);
        Assert.Equal(inner, canvas.Planes[1], 1e-6);
        Assert.Equal(1 - inner, canvas.Planes[2], 1e-6);
        Assert.Equal(Keys(1.25), canvas.Planes[0], 1e-6);

        static double Keys(double x)
        {
            const double A = -0.75;
            return x < 1
                ? ((A + 2) * x * x * x) - ((A + 3) * x * x) + 1
                : (A * x * x * x) - (5 * A * x * x) + (8 * A * x) - (4 * A);
        }
    }

    [Fact]
    public void AQuarterTurnCounterClockwiseMovesTheRightColumnToTheTop()
    {
        foreach (var interpolation in Enum.GetValues<RotationInterpolation>())
        {
            var image = Views.Image(5, 5);
            var original = Views.Canvas(image).Planes.ToArray();
            var canvas = Views.Canvas(image);
            canvas.Rotate(90, interpolation);
            for (var y = 0; y < 5; y++)
            {
                for (var x = 0; x < 5; x++)
                {
                    Assert.Equal(original[(x * 5) + 4 - y], canvas.Planes[(y * 5) + x], 1e-6);
                }
            }
        }
    }

    [Fact]
    public void WhatARotationBringsInFromOutsideIsBlack()
    {
        var image = Views.Image(20, 20);
        image.Pixels.Fill(255);
        var canvas = Views.Canvas(image);
        canvas.Rotate(45, RotationInterpolation.Bilinear);
        Assert.Equal(0, canvas.Planes[0]);
        Assert.Equal(1, canvas.Planes[(10 * 20) + 10], 1e-6);
    }

    [Fact]
    public void ABlurOfAPointIsTheGaussian()
    {
        var image = Views.Image(21, 21);
        image.Pixels.Clear();
        image.Pixels.Slice(3 * ((10 * 21) + 10), 3).Fill(255);
        var canvas = Views.Canvas(image);
        canvas.GaussianBlur(7, 1.3);
        double total = Enumerable.Range(-3, 7).Sum(x => Math.Exp(-x * x / (2 * 1.3 * 1.3)));
        double Weight(int x) => Math.Abs(x) > 3 ? 0 : Math.Exp(-x * x / (2 * 1.3 * 1.3)) / total;
        for (var i = 0; i < 21 * 21; i++)
        {
            Assert.Equal(Weight((i / 21) - 10) * Weight((i % 21) - 10), canvas.Planes[i], 1e-6);
        }
    }

    [Fact]
    public void AKernelMayBeLargerThanTheImage()
    {
        var canvas = Views.Canvas(Views.Image(4, 3));
        canvas.GaussianBlur(23, 5);
        Assert.All(canvas.Planes.ToArray(), v => Assert.InRange(v, 0, 1));
    }

    [Fact]
    public void ACropOutsideTheViewIsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() =>
        Views.Canvas(Views.Image(4, 4)).ResizedCrop(new Region(0, 1, 4, 4), 4, 4, Interpolation.Bilinear, true));

    /// <summary>
    /// Where a position of the result falls on one of the source, it has fewer weights than its neighbours: the first one
    /// of a window need not be the one that reaches lowest.
    /// </summary>
    [Theory]
    [InlineData(32, 96, true, false)]
    [InlineData(32, 96, false, false)]
    [InlineData(28, 84, true, true)]
    [InlineData(75, 225, false, true)]
    [InlineData(96, 224, true, false)]
    public void AWindowOfAResizeIsThatPartOfTheWhole(int from, int to, bool antialias, bool planes)
    {
        var image = Views.Image(from, from);
        var whole = Views.Canvas(image, planes);
        whole.ResizedCrop(new Region(0, 0, from, from), to, to, Interpolation.Bicubic, antialias);
        var expected = whole.Planes.ToArray();
        for (var first = 0; first < 12; first++)
        {
            var window = new Region(first, first, to - 12, to - 12);
            var canvas = Views.Canvas(image, planes);
            canvas.ResizedCrop(new Region(0, 0, from, from), to, to, Interpolation.Bicubic, antialias);
            canvas.Crop(window);
            var part = Enumerable.Range(0, 3 * window.Height * window.Width).Select(i =>
            {
                var (channel, rest) = Math.DivRem(i, window.Height * window.Width);
                var (y, x) = Math.DivRem(rest, window.Width);
                return expected[(((channel * to) + y + first) * to) + x + first];
            });
            Assert.InRange(Views.Difference(part.ToArray(), canvas.Planes), 0, 1e-5);
        }
    }
}
