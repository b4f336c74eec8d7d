using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>compare-decoders</c>: ImageSharp beside our own decoder and SkiaSharp, in a build that has it: images a second of CPU time,
/// decoded as a whole and as SimCLR's views, and how far the pixels are apart.
/// </summary>
internal static class CompareDecoders
{
    private static readonly ImageLibrary?[] _libraries = [null, ImageLibrary.ImageSharp];

    public static Command Command()
    {
        var folder = Arguments.Folder();
        var rounds = Arguments.Rounds();
        var seconds = Arguments.Seconds();
        var command = new Command("compare-decoders", "Images a second of CPU time by each decoder, and how far their pixels are apart. Build with -p:ImageSharp=true.")
        {
            folder, rounds, seconds,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(folder), parsed.GetValue(rounds), parsed.GetValue(seconds)));
        return command;
    }

    private static void Run(string folder, int rounds, double seconds)
    {
        if (!ImageLibraries.Has(ImageLibrary.ImageSharp))
        {
            throw new RecipeException($"compare-decoders: {ImageLibraries.NoImageSharp}");
        }

        using var photographs = new FolderSource(CompareViews.Existing(folder));
        Report.Print(new JsonObject
        {
            ["machine"] = Machine.Describe(),
            ["versions"] = Machine.Versions(),
            ["images"] = photographs.Count,
            ["imagesPerCpuSecond"] = new JsonObject
            {
                ["whole"] = Compare(rounds, library => Whole(photographs, library, seconds)),
                ["simclr224"] = InViews(photographs, rounds, seconds),
            },
            ["pixels"] = Difference(photographs),
        });
    }

    private static JsonObject InViews(FolderSource photographs, int rounds, double seconds)
    {
        using var ours = new Workload(photographs, Views.SimClr224(), workers: 1);
        using var other = new Workload(photographs, Views.SimClr224(), workers: 1, ImageLibrary.ImageSharp);
        ours.WarmUp(seconds);
        other.WarmUp(seconds);
        return Compare(rounds, library => (library is null ? ours : other).Measure().ImagesPerCpuSecond);
    }

    /// <summary>Medians of rounds in which the decoders take turns, and of the ratio of a round.</summary>
    private static JsonObject Compare(int rounds, Func<ImageLibrary?, double> measure)
    {
        Array.ForEach(_libraries, library => _ = measure(library)); // the JIT has seen both
        var (ours, other) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(measure(null));
            other.Add(measure(ImageLibrary.ImageSharp));
            Report.Progress($"round {round}: default {ours[^1]:F0}, ImageSharp {other[^1]:F0}");
        }

        double[] ratios = [.. ours.Zip(other, (one, two) => one / two)];
        return Report.Table(
        [
            ("default", Report.Median(ours)), ("imageSharp", Report.Median(other)),
            ("ratio", Report.Median(ratios)), ("smallestRatio", ratios.Min()), ("largestRatio", ratios.Max()),
        ]);
    }

    private static double Whole(FolderSource photographs, ImageLibrary? library, double seconds)
    {
        var (decoder, stored, pixels) = (new ImageDecoder(ImageDecoder.MostPixels, library), new StoredImage(), new PixelImage());
        var (images, spent) = (0L, 0.0);
        while (spent < seconds)
        {
            for (var i = 0; i < photographs.Count; i++)
            {
                photographs.Read(i, stored);
                var before = Environment.CpuUsage.TotalTime;
                decoder.Decode(stored, pixels, photographs.Locate(i));
                spent += (Environment.CpuUsage.TotalTime - before).TotalSeconds;
            }

            images += photographs.Count;
        }

        return images / spent;
    }

    private static JsonObject Difference(FolderSource photographs)
    {
        PixelImage[] pixels = [new(), new()];
        var decoders = _libraries.Select(library => new ImageDecoder(ImageDecoder.MostPixels, library)).ToArray();
        var stored = new StoredImage();
        var (sum, values, largest, equal, otherSize) = (0L, 0L, 0, 0, 0);
        for (var i = 0; i < photographs.Count; i++)
        {
            photographs.Read(i, stored);
            decoders[0].Decode(stored, pixels[0], photographs.Locate(i));
            decoders[1].Decode(stored, pixels[1], photographs.Locate(i));
            if ((pixels[0].Width, pixels[0].Height) != (pixels[1].Width, pixels[1].Height))
            {
                otherSize++;
                continue;
            }

            var before = sum;
            var ours = pixels[0].Pixels;
            var other = pixels[1].Pixels;
            for (var k = 0; k < ours.Length; k++)
            {
                var apart = Math.Abs(ours[k] - other[k]);
                sum += apart;
                largest = Math.Max(largest, apart);
            }

            values += ours.Length;
            equal += sum == before ? 1 : 0;
        }

        return Report.Table(
        [
            ("meanDifference", (double)sum / Math.Max(1, values)), ("largestDifference", largest), ("equalImages", equal), ("imagesOfAnotherSize", otherSize),
        ]);
    }
}
