using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Recipes;

namespace SelfSup.Tests.Images;

/// <summary>
/// ImageSharp as a decoder. What needs the library itself skips in the default build; with
/// <c>dotnet test -p:ImageSharp=true</c> it runs.
/// </summary>
public sealed class ImageSharpDecoderTests
{
    private readonly PixelImage _image = new();

    public static TheoryData<string> Fixtures { get; } = [.. Fixture.Names];

    [Fact]
    public void ABuildWithoutItSaysSo()
    {
        Assert.SkipWhen(ImageLibraries.Has(ImageLibrary.ImageSharp), "this build has it");
        var options = new ImageSourceOptions { Path = "it", Decoder = ImageLibrary.ImageSharp };
        var error = Assert.Single(options.Validate(new(options)));
        Assert.Equal(["Decoder"], error.MemberNames);
        Assert.Contains("-p:ImageSharp=true", error.ErrorMessage, StringComparison.Ordinal);
        Assert.Throws<RecipeException>(() => new ImageDecoder(1, ImageLibrary.ImageSharp));
        options.Decoder = null;
        Assert.Empty(options.Validate(new(options)));
    }

    /// <summary>A setting without effect is an error.</summary>
    [Fact]
    public void ItDecodesWholeImagesSoThatScaleJpegIsRefused()
    {
        var options = new DataOptions { Path = "it", Decoder = ImageLibrary.ImageSharp, ScaleJpeg = true };
        var error = Assert.Single(options.Validate(new(options)), error => error.MemberNames.Contains("ScaleJpeg"));
        Assert.Equal("has no effect where decoder is imageSharp, which decodes whole images; leave out one of the two", error.ErrorMessage);
        options.Decoder = null;
        Assert.Empty(options.Validate(new(options)));
        (options.Decoder, options.ScaleJpeg) = (ImageLibrary.ImageSharp, false);
        Assert.DoesNotContain(options.Validate(new(options)), error => error.MemberNames.Contains("ScaleJpeg"));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void PixelsAreThoseOfAnotherDecoder(string name)
    {
        var decoder = Decoder();
        Assert.Equal(DecodedBy.ImageSharp, decoder.Decode(new StoredImage(Fixture.Bytes(name)), _image, name));
        // The library repeats colours of half the resolution where others interpolate them.
        var (width, height, pixels) = Fixture.Reference(
            name is "jpeg-420.jpg" or "jpeg-progressive.jpg" or "jpeg-restart.jpg" ? "jpeg-420-nosmooth.jpg" : name);
        Assert.Equal((width, height), (_image.Width, _image.Height));
        var worst = 0;
        for (var i = 0; i < pixels.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(pixels[i] - _image.Pixels[i]));
        }

        // As in the tests of our own decoder: lossless formats leave no choice but the rounding of 16 bits. Inks it mixes by arithmetic
        // of its own, at most 12 away in version 3.1.12.
        var tolerance = name == "jpeg-cmyk.jpg" ? 12
            : name.EndsWith(".jpg", StringComparison.Ordinal) || name == "webp-lossy.webp" ? 3
            : name.Contains("16bit", StringComparison.Ordinal) ? 1
            : 0;
        Assert.True(worst <= tolerance, $"differs by {worst}, tolerance {tolerance}");
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void DamageIsAnErrorOrPixelsAndNothingElse(string name)
    {
        var decoder = Decoder();
        var file = Fixture.Bytes(name);
        for (var i = 0; i < 150; i++)
        {
            var damaged = (byte[])file.Clone();
            damaged[i * 7919 % damaged.Length] ^= (byte)(1 << (i % 8));
            Try(damaged);
        }

        for (var length = 0; length < file.Length; length += 7)
        {
            Try(file[..length]);
        }

        decoder.Decode(new StoredImage(file), _image, name);

        void Try(byte[] bytes)
        {
            try
            {
                decoder.Decode(new StoredImage(bytes), _image, "it");
            }
            catch (DataException)
            {
                // What must come of damage.
            }
        }
    }

    [Fact]
    public void ALargeImageIsRefusedBeforeItIsDecoded()
    {
        var (width, height, _) = Fixture.Reference("jpeg-420.jpg");
        var small = new ImageDecoder((width * height) - 1, Available());
        var error = Assert.Throws<DataException>(() => small.Decode(new StoredImage(Fixture.Bytes("jpeg-420.jpg")), _image, "it"));
        Assert.Contains("data.maxPixels", error.Message, StringComparison.Ordinal);
    }

    private static ImageLibrary Available()
    {
        Assert.SkipUnless(ImageLibraries.Has(ImageLibrary.ImageSharp), "needs -p:ImageSharp=true");
        return ImageLibrary.ImageSharp;
    }

    private static ImageDecoder Decoder() => new(1 << 20, Available());
}
