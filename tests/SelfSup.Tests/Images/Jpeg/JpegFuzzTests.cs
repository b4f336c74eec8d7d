using SelfSup.Tools.Fuzz;

using SkiaSharp;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>
/// A few thousand damaged files of every format, most of them JPEG files; <c>tools/fuzz</c> does the same at length.
/// </summary>
public sealed class JpegFuzzTests
{
    private const int Cases = 5000;

    /// <summary>Only a decoder that hangs takes so long.</summary>
    private const double HangMilliseconds = 5000;

    [Fact]
    public void DamagedFilesAreDecodedOrRefusedAndLeaveNothingBehind()
    {
        var files = Files();
        var fuzzer = new ImageFuzzer([.. files.Select(file => file.Bytes)], files[0].Bytes);
        var (managed, resident) = (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet);
        var decoded = 0;
        for (var i = 0; i < Cases; i++)
        {
            var (name, index) = (files[i % files.Count].Name, i % files.Count);
            var outcome = fuzzer.Run(index, i);
            Assert.True(outcome.Failure is null, $"{name}, seed {i}: {outcome.Failure}");
            Assert.True(outcome.Milliseconds < HangMilliseconds, $"{name}, seed {i}: {outcome.Milliseconds:F0} ms");
            decoded += outcome.By is null ? 0 : 1;
        }

        // Not all are refused for the same reason at once; and buffers are those of images of 16 megapixels.
        Assert.InRange(decoded, Cases / 20, Cases);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - managed, long.MinValue, 1L << 30);
        Assert.InRange(Environment.WorkingSet - resident, long.MinValue, 2L << 30);
        GC.KeepAlive(fuzzer);
    }

    [Fact]
    public void AMutationIsAFunctionOfTheFileAndTheSeed()
    {
        var (file, other) = (Fixture.Bytes("jpeg-420.jpg"), Fixture.Bytes("png-rgb.png"));
        var first = new FileMutator();
        var mutations = Enumerable.Range(0, 200).Select(seed => first.Mutate(file, other, seed)).ToList();
        var second = new FileMutator();
        for (var seed = 199; seed >= 0; seed--)
        {
            Assert.Equal(mutations[seed], second.Mutate(file, other, seed));
        }

        Assert.InRange(mutations.Select(Convert.ToHexString).Distinct().Count(), 190, 200);
    }

    private static List<(string Name, byte[] Bytes)> Files()
    {
        var files = new List<(string, byte[])>
        {
            ("made 4:2:0", Made(640, 480, SKJpegEncoderDownsample.Downsample420, 90)),
            ("made 4:4:4", Made(333, 251, SKJpegEncoderDownsample.Downsample444, 60)),
            ("made 4:2:2", Made(500, 375, SKJpegEncoderDownsample.Downsample422, 95)),
        };
        files.AddRange(Fixture.Names.Select(name => (name, Fixture.Bytes(name))));
        foreach (var folder in (string[])["exact", "near", "library"])
        {
            var names = JpegMatrix.Names(folder).Where(name =>
                !name.Contains("orientation", StringComparison.Ordinal) && !name.Contains('x')
                || name.Contains("64x48", StringComparison.Ordinal) || name.Contains("100x75", StringComparison.Ordinal));
            files.AddRange(names.Select(name => (name, JpegMatrix.Bytes(name))));
        }

        return files;
    }

    /// <summary>Something in every frequency.</summary>
    private static byte[] Made(int width, int height, SKJpegEncoderDownsample sampling, int quality) => MadeJpeg.Encode(
        width, height,
        (x, y) => (
            128 + (int)(100 * Math.Sin(x * x * 0.001)), 128 + (int)(100 * Math.Cos(y * y * 0.002)), ((x ^ y) * 3) & 255),
        sampling, quality);
}
