using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Augmentation;

/// <summary>Views made of the planes of a JPEG, of which only a region was decoded.</summary>
public sealed class JpegViewTests
{
    private const int Size = 64;

    private readonly ImageDecoder _decoder = new(100_000_000);
    private readonly DecodedImage _image = new();
    private readonly ViewCanvas _canvas = new();

    public static TheoryData<string> Samplings => Photographs.Samplings;

    public static TheoryData<int> Orientations => [.. Enumerable.Range(1, 8)];

    /// <summary>Resampling before instead of after the conversion to RGB: the same but for rounding to 8 bits.</summary>
    [Theory]
    [MemberData(nameof(Samplings))]
    public void AViewOfPlanesIsTheViewOfThePixels(string sampling)
    {
        var stored = new StoredImage(Photographs.Jpeg(301, 203, sampling));
        var pixels = new PixelImage();
        Assert.Equal(DecodedBy.SelfSup, _decoder.Decode(stored, pixels, "it"));
        foreach (var pipeline in Pipelines())
        {
            for (var sample = 0; sample < 8; sample++)
            {
                var expected = new float[3 * Size * Size];
                pipeline.Make(_canvas, pixels, 1, 0, sample, 0, expected);
                var actual = Make(stored, [pipeline], sample, scale: 1)[0];
                Assert.InRange(Views.Difference(expected, actual), 0, 2.5 / 255);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Orientations))]
    public void AnOrientedJpegIsSeenUpright(int orientation)
    {
        var jpeg = Photographs.Oriented(Photographs.Jpeg(260, 180), orientation);
        var stored = new StoredImage(jpeg);
        var pixels = new PixelImage();
        _decoder.Decode(stored, pixels, "it");
        Assert.Equal(orientation >= 5 ? (180, 260) : (260, 180), (pixels.Width, pixels.Height));
        foreach (var pipeline in Pipelines())
        {
            var expected = new float[3 * Size * Size];
            pipeline.Make(_canvas, pixels, 1, 0, 3, 0, expected);
            Assert.InRange(Views.Difference(expected, Make(stored, [pipeline], 3, scale: 1)[0]), 0, 2.5 / 255);
        }
    }

    /// <summary>What else is decoded, for other views, changes not a bit.</summary>
    [Theory]
    [MemberData(nameof(Samplings))]
    public void AViewDoesNotDependOnTheRegionThatWasDecoded(string sampling)
    {
        var stored = new StoredImage(Photographs.Jpeg(401, 307, sampling, quality: 96));
        var small = new ViewPipeline(
            new RandomResizedCrop(new() { Size = Size, Scale = [0.05, 0.2] }), new HorizontalFlip(new()));
        var whole = new ViewPipeline(new RandomResizedCrop(new() { Size = Size, Scale = [1, 1], Ratio = [1.3, 1.32] }));
        for (var sample = 0; sample < 40; sample++)
        {
            var alone = Make(stored, [small], sample, scale: 1)[0];
            var together = Make(stored, [small, whole], sample, scale: 1)[0];
            Assert.Equal(alone, together);
        }
    }

    /// <summary>Large and small crops of one image (SwAV, DINO) come from one decoding.</summary>
    [Fact]
    public void CropsOfSeveralSizesComeFromOneDecoding()
    {
        var stored = new StoredImage(Photographs.Jpeg(500, 375));
        var large = new ViewPipeline(new RandomResizedCrop(new() { Size = 96, Scale = [0.3, 1] }));
        var small = new ViewPipeline(new RandomResizedCrop(new() { Size = 32, Scale = [0.05, 0.3] }));
        var views = Make(stored, [large, large, small, small, small], 1, scale: 1);
        Assert.Equal([3 * 96 * 96, 3 * 96 * 96, 3 * 32 * 32, 3 * 32 * 32, 3 * 32 * 32], views.Select(view => view.Length));
        Assert.Equal(5, views.Select(view => view.Sum()).Distinct().Count());
        Assert.Equal(Make(stored, [large, large, small], 1, scale: 1)[2], views[2]);
    }

    /// <summary>A smaller decoding shows the same, up to what the encoder's frequencies beyond its size held.</summary>
    [Theory]
    [InlineData("Downsample420", 2)]
    [InlineData("Downsample420", 4)]
    [InlineData("Downsample422", 8)]
    [InlineData("Downsample444", 2)]
    [InlineData("Downsample444", 4)]
    public void AScaledDecodingShowsTheSame(string sampling, int scale)
    {
        var stored = new StoredImage(Photographs.Jpeg(1201, 1003, sampling, noise: 0));
        var pipeline = new ViewPipeline(new RandomResizedCrop(new() { Size = Size, Scale = [0.5, 1] }), new HorizontalFlip(new()));
        for (var sample = 0; sample < 4; sample++)
        {
            var full = Make(stored, [pipeline], sample, scale: 1)[0];
            var scaled = Make(stored, [pipeline], sample, scale)[0];
            var error = full.Zip(scaled, (a, b) => (double)(a - b) * (a - b)).Average();
            Assert.InRange(-10 * Math.Log10(error), 36, double.PositiveInfinity); // PSNR in dB
        }
    }

    [Fact]
    public void AGrayJpegHasThreeEqualChannels()
    {
        var bytes = Fixture();
        var views = Make(new StoredImage(bytes), [Pipelines().First()], 0, scale: 1)[0];
        Assert.Equal(views[..(Size * Size)], views[(Size * Size)..(2 * Size * Size)]);

        static byte[] Fixture()
        {
            using var bitmap = new SkiaSharp.SKBitmap(new(200, 150, SkiaSharp.SKColorType.Gray8));
            new Random(1).NextBytes(bitmap.GetPixelSpan());
            using var data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Jpeg, 90);
            return data.ToArray();
        }
    }

    private static IEnumerable<ViewPipeline> Pipelines()
    {
        yield return new(new RandomResizedCrop(new() { Size = Size }), new HorizontalFlip(new()), new VerticalFlip(new()));
        yield return new(new Resize(new() { Size = 80 }), new CenterCrop(new() { Size = Size }));
        yield return new(new HorizontalFlip(new()), new RandomCrop(new() { Size = Size }));
        yield return new(new RandomCrop(new() { Size = 150 }), new Resize(new() { Size = Size, Antialias = false }));
    }

    private unsafe float[][] Make(StoredImage stored, ViewPipeline[] pipelines, int sample, int scale)
    {
        _decoder.Open(stored, _image, "it");
        Assert.NotNull(_image.Planes);
        ViewPlan[] plans = [.. pipelines.Select(_ => new ViewPlan())];
        for (var view = 0; view < plans.Length; view++)
        {
            pipelines[view].Plan(plans[view], _image, 1, 0, sample, view);
        }

        var shown = plans.Select(plan => plan.Placement.Source).Aggregate((a, b) => a.Union(b));
        _decoder.Decode(stored, shown, scale, _image);
        return [.. pipelines.Select((pipeline, view) =>
        {
            var size = pipeline.OutputSize!.Value;
            var values = new float[3 * size * size];
            fixed (float* target = values)
            {
                pipeline.Make(_canvas, _image, plans[view], new ViewTarget(target, size * size, default));
            }

            return values;
        })];
    }
}
