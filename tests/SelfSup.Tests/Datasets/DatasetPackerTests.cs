using System.Text.Json;

using Parquet;

using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

using SkiaSharp;

namespace SelfSup.Tests.Datasets;

public sealed class DatasetPackerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFoldersFilesComeBackWithTheirBytesLabelsAndClasses()
    {
        _folder.Write("in/cats/1.jpg", Fixture.Bytes("jpeg-420.jpg"));
        _folder.Write("in/cats/2.png", Fixture.Bytes("png-alpha.png"));
        _folder.Write("in/dogs/a/3.webp", Fixture.Bytes("webp-lossy.webp"));
        _folder.Write("in/dogs/4.gif", Fixture.Bytes("gif-animated.gif"));
        var report = Pack(order: PackOrder.Source);
        Assert.Equal([_folder.File("out.parquet")], report.Files);
        Assert.Equal((4, new FileInfo(_folder.File("out.parquet")).Length), (report.Images, report.Bytes));

        using var before = ImageSources.Open(new() { Path = _folder.File("in") });
        using var after = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        Assert.Equal(["cats", "dogs"], after.ClassNames);
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(before.Read(i).Bytes.ToArray(), after.Read(i).Bytes.ToArray());
            Assert.Equal(before.Label(i), after.Label(i));
        }

        Assert.Equal(["cats/1.jpg", "cats/2.png", "dogs/4.gif", "dogs/a/3.webp"], Names("out.parquet"));
        Assert.False(Directory.Exists(_folder.File("out.parquet.partial")));
        Assert.False(File.Exists(_folder.File("out.parquet.unreadable.txt")));
    }

    [Fact]
    public void TheMetadataAreThoseOfHuggingFace()
    {
        Images(2);
        Pack();
        using var json = JsonDocument.Parse(Metadata("out.parquet"));
        var features = json.RootElement.GetProperty("info").GetProperty("features");
        Assert.Equal("Image", features.GetProperty("image").GetProperty("_type").GetString());
        Assert.Equal("ClassLabel", features.GetProperty("label").GetProperty("_type").GetString());
        Assert.Equal("[\"class 0\",\"class 1\"]", features.GetProperty("label").GetProperty("names").GetRawText());
    }

    [Fact]
    public void AFolderWithoutClassesGetsNoLabels()
    {
        _folder.Write("in/1.jpg", Fixture.Bytes("jpeg-420.jpg"));
        Pack();
        using var source = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        Assert.Empty(source.ClassNames);
        Assert.DoesNotContain("label", Metadata("out.parquet"), StringComparison.Ordinal);
    }

    [Fact]
    public void TheOrderIsShuffledAndAlwaysTheSame()
    {
        Images(40);
        Pack();
        Pack(output: "again.parquet");
        Pack(output: "plain.parquet", order: PackOrder.Source);
        Assert.Equal(Bytes("out.parquet"), Bytes("again.parquet"));
        Assert.NotEqual(Names("plain.parquet"), Names("out.parquet"));
        Assert.Equal(Names("plain.parquet").Order(), Names("out.parquet").Order());
    }

    [Fact]
    public void LargeImagesAreBroughtToTheShortSideAndSmallOnesKept()
    {
        _folder.Write("in/large.png", Png(300, 200));
        _folder.Write("in/small.png", Png(100, 80));
        _folder.Write("in/tall.bmp", Fixture.Bytes("bmp-rgb.bmp"));
        _folder.Write("in/turned.jpg", Fixture.Bytes("orientation-6.jpg"));
        var (turnedWidth, turnedHeight, _) = Fixture.Reference("orientation-6.jpg");
        Pack(order: PackOrder.Source, shortSide: 10);
        using var source = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        var sizes = Enumerable.Range(0, 4).Select(i => Decoded(source, i)).ToArray();
        Assert.Equal((15, 10), sizes[0]);
        Assert.Equal((12, 10), sizes[1]);
        Assert.Equal(10, Math.Min(sizes[2].Width, sizes[2].Height));
        Assert.Equal(turnedWidth < turnedHeight, sizes[3].Width < sizes[3].Height);
        Assert.Equal(["large.jpg", "small.jpg", "tall.jpg", "turned.jpg"], Names("out.parquet"));
        Assert.Equal("4:4:4", JpegFrame.Find(source.Read(0).Bytes.Span)!.Sampling);

        Pack(output: "kept.parquet", order: PackOrder.Source, shortSide: 100);
        using var kept = ImageSources.Open(new() { Path = _folder.File("kept.parquet") });
        Assert.Equal((150, 100), Decoded(kept, 0));
        Assert.Equal(File.ReadAllBytes(_folder.File("in/small.png")), kept.Read(1).Bytes.ToArray());
    }

    [Fact]
    public void ResizedPixelsAreThoseOfTheImage()
    {
        _folder.Write("in/1.png", Png(200, 200));
        Pack(shortSide: 50);
        using var source = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        var pixels = new PixelImage();
        new ImageDecoder(1_000_000).Decode(source.Read(0), pixels, "");
        var middle = pixels.Pixels.Slice(3 * ((25 * 50) + 25), 3); // of a gradient
        Assert.InRange(middle[0], 122, 134);
        Assert.InRange(middle[1], 122, 134);
        Assert.InRange(middle[2], 37, 43);
    }

    [Fact]
    public void RawPixelsBecomePngs()
    {
        var images = new byte[] { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
        _folder.Write("in/train-images-idx3-ubyte", images);
        _folder.Write("in/train-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 2, 1, 0]);
        Pack(order: PackOrder.Source);
        using var source = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        Assert.Equal(["0", "1"], source.ClassNames);
        Assert.Equal((1, 0), (source.Label(0), source.Label(1)));
        var pixels = new PixelImage();
        new ImageDecoder(1_000_000).Decode(source.Read(1), pixels, "");
        Assert.Equal(new byte[] { 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11, 12, 12, 12 }, pixels.Pixels.ToArray());
        Assert.Equal(["00000000.png", "00000001.png"], Names("out.parquet"));
    }

    [Fact]
    public void NullImagesAndLabelsOfParquetFiles()
    {
        var png = Fixture.Bytes("png-rgb.png");
        ParquetFile.Write(_folder.File("in.parquet"), [[png, null, png]], [[null, 1, 0]], ["a", "b"]);
        var error = Assert.Throws<DataException>(() => Pack("in.parquet"));
        Assert.Contains("row 1: has no image", error.Message, StringComparison.Ordinal);

        var report = Pack("in.parquet", order: PackOrder.Source, onUnreadable: OnUnreadable.Skip);
        Assert.EndsWith("row 1", Assert.Single(report.Unreadable).Where, StringComparison.Ordinal);
        using var source = ImageSources.Open(new() { Path = _folder.File("out.parquet") });
        Assert.Equal((2, -1, 0), (source.Count, source.Label(0), source.Label(1)));
        Assert.Equal(["a", "b"], source.ClassNames);
        Assert.Equal(["00000000.png", "00000002.png"], Names("out.parquet"));
    }

    [Fact]
    public void AnUnreadableImageFailsOrIsListed()
    {
        Images(6);
        var broken = _folder.Write("in/class 0/broken.jpg", Fixture.Bytes("jpeg-420.jpg").AsSpan(0, 300));
        Assert.StartsWith(broken, Assert.Throws<DataException>(() => Pack()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("out.parquet")));
        Assert.False(Directory.Exists(_folder.File("out.parquet.partial")));

        var report = Pack(onUnreadable: OnUnreadable.Skip);
        Assert.Equal((6, _folder.File("out.parquet.unreadable.txt")), (report.Images, report.UnreadableFile));
        Assert.Equal([$"{broken}: this JPEG is truncated"], File.ReadAllLines(report.UnreadableFile!));
    }

    [Fact]
    public void NothingReadableIsAnError()
    {
        _folder.Write("in/1.jpg", [1, 2, 3]);
        var error = Assert.Throws<DataException>(() => Pack(onUnreadable: OnUnreadable.Skip));
        Assert.Contains("none of the 1 images can be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsThereIsReplacedOnlyWhenAskedFor()
    {
        Images(4);
        File.WriteAllText(_folder.File("out-00001-of-00002.parquet"), "old");
        File.WriteAllText(_folder.File("outer.parquet"), "another");
        var error = Assert.Throws<RecipeException>(() => Pack());
        Assert.EndsWith("exists already; name another file or give --overwrite", error.Message, StringComparison.Ordinal);

        Pack(overwrite: true);
        Assert.Equal(["out.parquet", "outer.parquet"], Directory.EnumerateFiles(_folder.Path).Select(f => Path.GetFileName(f)!).Order());
        Assert.Throws<RecipeException>(() => Pack());
    }

    [Theory]
    [InlineData("in/out.parquet", "lies in the folder of the images")]
    [InlineData("out.txt", "must end in .parquet")]
    [InlineData(".parquet", "must end in .parquet")]
    [InlineData("nowhere/out.parquet", "its folder does not exist")]
    public void OutputsThatMakeNoSense(string output, string message)
    {
        Images(2);
        Assert.Contains(message, Assert.Throws<RecipeException>(() => Pack(output: output)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileIsNotPackedIntoItself()
    {
        Images(2);
        Pack(output: "one.parquet");
        var error = Assert.Throws<RecipeException>(() => Pack("one.parquet", "one.parquet", overwrite: true));
        Assert.Contains("is one of the files of the images", error.Message, StringComparison.Ordinal);
    }

    private PackReport Pack(
        string input = "in", string output = "out.parquet", PackOrder order = PackOrder.Shuffled, int? shortSide = null,
        OnUnreadable onUnreadable = OnUnreadable.Fail, bool overwrite = false) => new DatasetPacker(new()
        {
            Source = new() { Path = _folder.File(input), OnUnreadable = onUnreadable },
            Output = _folder.File(output),
            Order = order,
            ShortSide = shortSide,
            Workers = 2,
            Overwrite = overwrite,
        }).Run(_ => { }, TestContext.Current.CancellationToken);

    private void Images(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _folder.Write($"in/class {i % 2}/{i:D3}.png", Png(8 + i, 8));
        }
    }

    private byte[] Bytes(string name) => File.ReadAllBytes(_folder.File(name));

    private string[] Names(string name) => Read(name, async reader =>
    {
        var names = new List<string>();
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            using var rows = reader.OpenRowGroupReader(group);
            var field = reader.Schema.GetDataFields().Single(f => f.Path.ToString() == "image/path");
            var values = new ReadOnlyMemory<char>[rows.RowCount];
            await rows.ReadRawAsync<ReadOnlyMemory<char>>(field, values, new int[rows.RowCount], null);
            names.AddRange(values.Select(value => value.ToString()));
        }

        return names.ToArray();
    });

    private string Metadata(string name) => Read(name, reader => Task.FromResult(reader.CustomMetadata["huggingface"]));

    private T Read<T>(string name, Func<ParquetReader, Task<T>> work)
    {
        return Run().GetAwaiter().GetResult();

        async Task<T> Run()
        {
            await using var file = File.OpenRead(_folder.File(name));
            await using var reader = await ParquetReader.CreateAsync(file);
            return await work(reader);
        }
    }

    private static (int Width, int Height) Decoded(IImageSource source, int index)
    {
        var pixels = new PixelImage();
        new ImageDecoder(1_000_000).Decode(source.Read(index), pixels, source.Locate(index));
        return (pixels.Width, pixels.Height);
    }

    /// <summary>Red grows to the right, green downwards.</summary>
    private static byte[] Png(int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                bitmap.SetPixel(x, y, new SKColor((byte)(255 * x / width), (byte)(255 * y / height), 40));
            }
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
