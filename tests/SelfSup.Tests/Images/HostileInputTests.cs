using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>Whatever the bytes, the only thing that comes out is pixels or a <see cref="DataException"/>.</summary>
public sealed class HostileInputTests
{
    public static TheoryData<string> Fixtures { get; } = [.. Fixture.Names];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void AMutatedImageIsDecodedOrRefused(string name)
    {
        var decoder = new ImageDecoder(1 << 20);
        var image = new PixelImage();
        var original = Fixture.Bytes(name);
        for (var i = 0; i < 150; i++)
        {
            Try(() => decoder.Decode(new StoredImage(Mutate(original, i)), image, "it"));
        }

        // A decoder that met bad images still decodes a good one.
        decoder.Decode(new StoredImage(original), image, name);
        Assert.Equal(Fixture.Reference(name).Width, image.Width);
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void APieceOfAnImageIsDecodedOrRefused(string name)
    {
        var decoder = new ImageDecoder(1 << 20);
        var image = new PixelImage();
        var original = Fixture.Bytes(name);
        for (var length = 0; length < original.Length; length += 3)
        {
            Try(() => decoder.Decode(new StoredImage(original.AsSpan(0, length)), image, "it"));
        }
    }

    [Fact]
    public void AMutatedParquetFileIsReadOrRefused()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("it.parquet");
        ParquetFile.Write(path, [[[1, 2, 3], null], [[4], [5, 6]]], [[0, 1], [null, 2]]);
        FuzzSource(folder, path, 500);
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(0, 2, 2)]
    [InlineData(1, 1, 1)]
    [InlineData(1, 2, 2)]
    [InlineData(6, 1, 2)]
    [InlineData(6, 2, 1)]
    public void MutatedPagesAreReadOrRefused(int codec, int version, int maxLevel)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("it.parquet");
        byte[]?[] images = [[1, 2, 3], maxLevel == 0 ? [] : null, [4, 5, 6, 7], [8], [9, 9], [10], [11], [12]];
        new ParquetPagesFile(codec, version, maxLevel) { PagesWithDictionary = 1 }.Write(path, [images, images]);
        FuzzSource(folder, path, 1000);
    }

    /// <summary>
    /// Parquet.Net 6.1.0 never comes back from this one: the byte that ends the footer is another one.
    /// </summary>
    [Fact]
    public void AFooterThatDoesNotEndIsRefused()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("it.parquet");
        ParquetFile.Write(path, [[[1]]]);
        var bytes = File.ReadAllBytes(path);
        bytes[^9] = 0x10;
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<DataException>(() => ImageSources.Open(new() { Path = path }));
        Assert.Contains("its footer is damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMutatedIdxFileIsReadOrRefused()
    {
        using var folder = new TemporaryFolder();
        byte[] array = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4];
        FuzzSource(folder, folder.Write("images-idx3-ubyte", array), 500);
    }

    private static void FuzzSource(TemporaryFolder folder, string path, int cases)
    {
        var original = File.ReadAllBytes(path);
        var options = new ImageSourceOptions { Path = folder.File("mutated" + Path.GetExtension(path)) };
        for (var i = 0; i < cases; i++)
        {
            File.WriteAllBytes(options.Path, Mutate(original, i));
            Try(() =>
            {
                using var source = ImageSources.Open(options);
                for (var index = 0; index < Math.Min(source.Count, 10); index++)
                {
                    Try(() => source.Read(index));
                }
            });
        }
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (DataException e)
        {
            Assert.DoesNotContain('\n', e.Message);
        }
    }

    /// <summary>A copy with a few bytes changed, and in every fifth case cut short.</summary>
    private static byte[] Mutate(byte[] original, int seed)
    {
        var random = new CounterRandom(0x1A6E, RandomPurpose.Selection, epoch: original.Length, sample: seed);
        var bytes = original.ToArray();
        // Headers and footers are where the interesting fields are.
        var reach = random.Chance(0.5) ? Math.Min(64, bytes.Length) : bytes.Length;
        var fromEnd = random.Chance(0.3);
        for (var i = random.NextInt(8); i >= 0; i--)
        {
            var at = random.NextInt(reach);
            ref var value = ref bytes[fromEnd ? bytes.Length - 1 - at : at];
            value = random.NextInt(3) switch
            {
                0 => (byte)(value ^ (1 << random.NextInt(8))),
                1 => (byte)(random.Chance(0.5) ? 0 : 255),
                _ => (byte)random.NextInt(256),
            };
        }

        return random.NextInt(5) == 0 ? bytes[..random.NextInt(bytes.Length)] : bytes;
    }
}
