using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Tests.Augmentation;

public sealed class TransformTests
{
    private static readonly PixelImage _image = Views.Image(24, 20);

    public static TheoryData<string> Names => [.. new Catalog<IAugmentation>(typeof(IAugmentation).Assembly).Names];

    [Fact]
    public void RecipesCanNameTwelveTransforms() => Assert.Equal(
        ["centerCrop", "colorJitter", "gaussianBlur", "horizontalFlip", "normalize", "randomCrop", "randomGrayscale",
         "randomResizedCrop", "randomRotation", "resize", "solarize", "verticalFlip"],
        new Catalog<IAugmentation>(typeof(IAugmentation).Assembly).Names);

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryTransformIsMadeFromItsOptions(string name)
    {
        var catalog = new Catalog<IAugmentation>(typeof(IAugmentation).Assembly);
        var options = Activator.CreateInstance(catalog.OptionsType(name))!;
        Assert.NotNull(catalog.Create(name, options));
    }

    [Fact]
    public void ProbabilityZeroIsTheIdentity()
    {
        var original = Views.Canvas(_image).Planes.ToArray();
        IAugmentation[] transforms =
        [
            new HorizontalFlip(new() { Probability = 0 }),
            new VerticalFlip(new() { Probability = 0 }),
            new ColorJitter(new() { Probability = 0, Brightness = 1, Contrast = 1, Saturation = 1, Hue = 0.5 }),
            new RandomGrayscale(new() { Probability = 0 }),
            new GaussianBlur(new() { Probability = 0 }),
            new Solarize(new() { Probability = 0 }),
            new RandomRotation(new() { Probability = 0, Degrees = 90 }),
        ];
        Assert.All(transforms, transform => Assert.Equal(original, Views.Apply(transform, _image)));
    }

    [Fact]
    public void ProbabilityOneAlwaysActs()
    {
        var original = Views.Canvas(_image).Planes.ToArray();
        IAugmentation[] transforms =
        [
            new HorizontalFlip(new() { Probability = 1 }),
            new VerticalFlip(new() { Probability = 1 }),
            new ColorJitter(new() { Probability = 1, Brightness = 0.5 }),
            new RandomGrayscale(new() { Probability = 1 }),
            new GaussianBlur(new() { Probability = 1, Sigma = [1, 2] }),
            new Solarize(new() { Probability = 1 }),
            new RandomRotation(new() { Probability = 1, Degrees = 90 }),
        ];
        Assert.All(transforms, transform => Assert.NotEqual(original, Views.Apply(transform, _image)));
    }

    [Fact]
    public void AFlipActsAsOftenAsItsProbabilitySays()
    {
        var original = Views.Canvas(_image).Planes.ToArray();
        var flip = new HorizontalFlip(new() { Probability = 0.3 });
        var flipped = Enumerable.Range(0, 2000).Count(i => !original.SequenceEqual(Views.Apply(flip, _image, i)));
        Assert.InRange(flipped, 600 - 82, 600 + 82); // 4 standard errors of 20.5
    }

    /// <summary>Strong brightness does not commute with contrast, so the two orders can be told apart.</summary>
    [Fact]
    public void TheOrderOfTheJitterVaries()
    {
        var jitter = new ColorJitter(new() { Probability = 1, Brightness = 1, Contrast = 1 });
        var first = 0;
        const int Samples = 400;
        for (var sample = 0; sample < Samples; sample++)
        {
            var random = new CounterRandom(1, RandomPurpose.Augmentation, 0, sample);
            _ = random.NextDouble();
            Span<int> order = [0, 1, 2, 3];
            random.Shuffle(order);
            var (brightness, contrast) = (random.Uniform(0, 2), random.Uniform(0, 2));
            var (brightnessFirst, contrastFirst) = (Views.Canvas(_image), Views.Canvas(_image));
            brightnessFirst.Apply(ColorOperation.Brightness(brightness));
            brightnessFirst.Apply(ColorOperation.Contrast(contrast));
            contrastFirst.Apply(ColorOperation.Contrast(contrast));
            contrastFirst.Apply(ColorOperation.Brightness(brightness));
            var actual = Views.Apply(jitter, _image, sample);
            var isFirst = actual.AsSpan().SequenceEqual(brightnessFirst.Planes);
            Assert.True(isFirst || actual.AsSpan().SequenceEqual(contrastFirst.Planes));
            first += isFirst ? 1 : 0;
        }

        Assert.InRange(first, (Samples / 2) - 40, (Samples / 2) + 40); // 4 standard errors of 10
    }

    [Fact]
    public void AHueTurnedAllAroundIsTheSame()
    {
        var canvas = Views.Canvas(_image);
        foreach (var _ in Enumerable.Range(0, 5))
        {
            canvas.Apply(ColorOperation.Hue(0.2));
        }

        Assert.InRange(Views.Difference(Views.Canvas(_image).Planes, canvas.Planes), 0, 1e-5);
    }

    [Fact]
    public void ColourOperationsLeaveNothingOutWhateverTheSize()
    {
        // Sizes around a vector's width; the same pixel everywhere has to come out the same everywhere.
        foreach (var width in Enumerable.Range(1, 40))
        {
            var image = Views.Image(width, 1);
            for (var i = 0; i < image.Pixels.Length; i++)
            {
                image.Pixels[i] = (byte)(40 + (80 * (i % 3)));
            }

            var canvas = Views.Canvas(image);
            canvas.Apply(ColorOperation.Brightness(1.2));
            canvas.Apply(ColorOperation.Contrast(0.8));
            canvas.Apply(ColorOperation.Saturation(1.3));
            canvas.Apply(ColorOperation.Hue(0.1));
            canvas.Apply(ColorOperation.Solarize(0.5));
            for (var channel = 0; channel < 3; channel++)
            {
                var plane = canvas.Planes.Slice(channel * width, width).ToArray();
                Assert.All(plane, v => Assert.Equal(plane[0], v, 1e-6));
            }
        }
    }

    [Fact]
    public void ARandomCropShowsEveryPlaceOfThePaddedImage()
    {
        var image = Views.Image(3, 3);
        for (var i = 0; i < 9; i++)
        {
            image.Pixels.Slice(3 * i, 3).Fill((byte)(i + 1));
        }

        var crop = new RandomCrop(new() { Size = 3, Padding = 1 });
        var centres = Enumerable.Range(0, 500).Select(i => (int)Math.Round(255 * Views.Apply(crop, image, i)[4]));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9], centres.Distinct().Order());
        Assert.Contains(
            Enumerable.Range(0, 500).Select(i => Views.Apply(crop, image, i)), view => view[0] == 0 && view[8] != 0);
    }

    [Fact]
    public void ATooSmallImageGetsAMargin()
    {
        var image = Views.Image(2, 10);
        Assert.Equal(3 * 36, Views.Apply(new RandomCrop(new() { Size = 6 }), image).Length);
        var centred = Views.Apply(new CenterCrop(new() { Size = 6 }), image);
        Assert.Equal(0, centred[1]);
        Assert.Equal(image.Pixels[3 * 2 * 2] / 255f, centred[2]);
        Assert.Equal(0, centred[4]);
    }

    [Theory]
    [InlineData(40, 30, 16, 21, 16)]
    [InlineData(30, 40, 16, 16, 21)]
    [InlineData(16, 90, 16, 16, 90)]
    public void AResizeBringsTheShortSideToItsSize(int width, int height, int size, int newWidth, int newHeight)
    {
        var canvas = Views.Canvas(Views.Image(width, height));
        var random = new CounterRandom(1, RandomPurpose.Augmentation);
        new Resize(new() { Size = size }).Apply(canvas, ref random);
        Assert.Equal((newWidth, newHeight), (canvas.Width, canvas.Height));
    }

    [Fact]
    public void AVeryWideImageIsCroppedAtItsCentre()
    {
        var random = new CounterRandom(1, RandomPurpose.Augmentation);
        var crop = RandomResizedCrop.Sample(ref random, 1, 1000, [0.9, 1], [0.75, 1.3333]);
        Assert.Equal(new Region(0, 499, 1, 1), crop);
    }

    [Theory]
    [InlineData(224, 23)]
    [InlineData(96, 9)]
    [InlineData(32, 3)]
    [InlineData(8, 3)]
    public void TheKernelFollowsTheSide(int side, int kernel) => Assert.Equal(kernel, GaussianBlur.TenthOf(side));

    public static TheoryData<object, string> WrongOptions => new()
    {
        { new RandomResizedCropOptions(), "Size" },
        { new RandomResizedCropOptions { Size = 32, Scale = [1] }, "Scale" },
        { new RandomResizedCropOptions { Size = 32, Scale = [0.5, 0.2] }, "Scale" },
        { new RandomResizedCropOptions { Size = 32, Scale = [0.5, 1.2] }, "Scale" },
        { new RandomResizedCropOptions { Size = 32, Ratio = [0, 1] }, "Ratio" },
        { new ResizeOptions(), "Size" },
        { new CenterCropOptions(), "Size" },
        { new RandomCropOptions { Size = 32, Padding = -1 }, "Padding" },
        { new HorizontalFlipOptions { Probability = 1.1 }, "Probability" },
        { new ColorJitterOptions { Hue = 0.6 }, "Hue" },
        { new ColorJitterOptions { Brightness = double.NaN }, "Brightness" },
        { new GaussianBlurOptions { Kernel = 4 }, "Kernel" },
        { new GaussianBlurOptions { Sigma = [0, 1] }, "Sigma" },
        { new SolarizeOptions { Threshold = 128 }, "Threshold" },
        { new RandomRotationOptions(), "Degrees" },
        { new NormalizeOptions(), "Mean" },
        { new NormalizeOptions { Mean = [0, 0, 0], StandardDeviation = [1, 0, 1] }, "StandardDeviation" },
    };

    [Theory]
    [MemberData(nameof(WrongOptions), DisableDiscoveryEnumeration = true)]
    public void WrongOptionsAreNamed(object options, string member)
    {
        var results = new List<ValidationResult>();
        var context = new ValidationContext(options);
        Assert.False(Validator.TryValidateObject(options, context, results, validateAllProperties: true));
        Assert.Contains(results, result => result.MemberNames.Contains(member));
    }
}
