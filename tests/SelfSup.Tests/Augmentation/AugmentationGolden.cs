using System.Text.Json;

using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Augmentation;

/// <summary>
/// The transforms at fixed parameters against torchvision's float tensors (<c>tensor_f64</c>), or where a case has only
/// its 8-bit tensors against those, rounding to 8 bits where torchvision does.
/// </summary>
internal static class AugmentationGolden
{
    private const double Tolerance = 1e-4;

    [GoldenComponent("augment_.*")]
    public static void Augment(GoldenCase golden)
    {
        Assert.SkipWhen(
            golden.Name.StartsWith("pil_gaussianblur", StringComparison.Ordinal),
            $"{golden.Name}: Pillow approximates the Gaussian by box blurs; ours is the Gaussian itself");
        if (golden.Outputs.TryGetProperty("tensor_f64", out var exact))
        {
            var actual = Apply(golden, eightBit: false);
            var expected = GoldenCase.Numbers(exact);
            Assert.Equal(GoldenCase.Shape(exact), new long[] { actual.Height, actual.Width, 3 });
            AssertClose(expected, Interleaved(actual), Tolerance);
        }
        else if (golden.Outputs.TryGetProperty("tensor_u8", out var rounded))
        {
            var actual = Apply(golden, eightBit: true);
            var expected = GoldenCase.Numbers(rounded);
            Assert.Equal(GoldenCase.Shape(rounded), new long[] { actual.Height, actual.Width, 3 });
            double[] levels = [.. Interleaved(actual).Select(v => 255 * Math.Clamp(v, 0, 1))];
            AssertClose(expected, levels, RoundingTolerance(golden));
            Assert.InRange(expected.Zip(levels, (e, a) => Math.Abs(e - a)).Average(), 0, 1);
        }
        else
        {
            Assert.Fail($"{golden.Name}: no tensor output");
        }
    }

    [GoldenComponent("random_resized_crop_stats")]
    public static void RandomResizedCropStatistics(GoldenCase golden)
    {
        var (height, width) = (Whole(golden.Params, "height"), Whole(golden.Params, "width"));
        var scale = GoldenCase.Numbers(golden.Params.GetProperty("scale"));
        var ratio = GoldenCase.Numbers(golden.Params.GetProperty("ratio"));
        var draws = Whole(golden.Params, "draws");
        var samples = golden.Outputs.EnumerateObject().ToDictionary(o => o.Name, _ => new List<double>(draws));
        var random = new CounterRandom(5, RandomPurpose.Augmentation);
        for (var i = 0; i < draws; i++)
        {
            var crop = RandomResizedCrop.Sample(ref random, height, width, scale, ratio);
            foreach (var (name, values) in samples)
            {
                values.Add(name switch
                {
                    "top" => crop.Top,
                    "left" => crop.Left,
                    "height" => crop.Height,
                    "width" => crop.Width,
                    "area_fraction" => (double)crop.Height * crop.Width / (height * width),
                    "log_aspect_w_over_h" => Math.Log((double)crop.Width / crop.Height),
                    _ => throw new NotSupportedException(name),
                });
            }
        }

        foreach (var (name, values) in samples)
        {
            var expected = golden.Outputs.GetProperty(name);
            var mean = values.Average();
            var error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (draws - 1.0) / draws);
            var theirs = expected.GetProperty("standard_error").GetDouble();
            var tolerance = 4 * Math.Sqrt((error * error) + (theirs * theirs));
            Assert.True(
                Math.Abs(mean - expected.GetProperty("mean").GetDouble()) <= tolerance,
                $"{name}: mean {mean}, expected {expected.GetProperty("mean").GetDouble()} within {tolerance}");
        }
    }

    private static ViewCanvas Apply(GoldenCase golden, bool eightBit)
    {
        var canvas = new ViewCanvas();
        canvas.Start(Image(golden.Input("image")));
        var p = golden.Params;
        var name = golden.Name;
        if (name.StartsWith("resized_crop", StringComparison.Ordinal))
        {
            canvas.ResizedCrop(
                new Region(Whole(p, "top"), Whole(p, "left"), Whole(p, "height"), Whole(p, "width")),
                Whole(p, "out_height"),
                Whole(p, "out_width"),
                Enum.Parse<Interpolation>(p.GetProperty("interpolation").GetString()!, ignoreCase: true),
                !p.TryGetProperty("antialias", out var antialias) || antialias.GetBoolean());
        }
        else if (name.StartsWith("hflip", StringComparison.Ordinal))
        {
            canvas.FlipHorizontal();
        }
        else if (name.StartsWith("vflip", StringComparison.Ordinal))
        {
            canvas.FlipVertical();
        }
        else if (name.StartsWith("gaussian_blur", StringComparison.Ordinal))
        {
            canvas.GaussianBlur(Whole(p, "kernel"), Number(p, "sigma"));
        }
        else if (name.StartsWith("solarize", StringComparison.Ordinal))
        {
            canvas.Apply(ColorOperation.Solarize(Number(p, "threshold_float")));
        }
        else if (name.StartsWith("normalize", StringComparison.Ordinal))
        {
            canvas.Apply(ColorOperation.Normalize(new Normalize(new NormalizeOptions
            {
                Mean = GoldenCase.Numbers(p.GetProperty("mean")),
                StandardDeviation = GoldenCase.Numbers(p.GetProperty("std")),
            })));
        }
        else if (name.StartsWith("color_jitter", StringComparison.Ordinal))
        {
            foreach (var operation in p.GetProperty("order").EnumerateArray().Select(o => o.GetString()!))
            {
                Color(operation, canvas, Number(p, operation), eightBit);
            }
        }
        else
        {
            var factor = p.TryGetProperty("factor", out var value) ? value.GetDouble() : 0;
            Color(name.Split('_')[0], canvas, factor, eightBit);
        }

        return canvas;
    }

    private static void Color(string operation, ViewCanvas canvas, double factor, bool eightBit)
    {
        switch (operation)
        {
            case "brightness":
                canvas.Apply(ColorOperation.Brightness(factor));
                break;
            case "contrast":
                canvas.Apply(ColorOperation.Contrast(factor));
                break;
            case "saturation":
                canvas.Apply(ColorOperation.Saturation(factor));
                break;
            case "hue":
                canvas.Apply(ColorOperation.Hue(factor));
                break;
            case "grayscale3":
                canvas.Apply(ColorOperation.Grayscale);
                break;
            default:
                throw new NotSupportedException($"no operation for '{operation}'");
        }

        if (!eightBit)
        {
            return; // and nothing looks at the planes, so that the operations wait for each other
        }

        var planes = canvas.Planes;
        for (var i = 0; i < planes.Length; i++)
        {
            // Colour operations on 8-bit tensors cut the fraction off; the hue goes through floats and back by 255.999.
            planes[i] = MathF.Floor(planes[i] * (operation == "hue" ? 255.999f : 255)) / 255;
        }
    }

    private static PixelImage Image(JsonElement tensor)
    {
        var shape = GoldenCase.Shape(tensor);
        var image = new PixelImage();
        var pixels = image.Reset((int)shape[1], (int)shape[0]);
        var values = GoldenCase.Numbers(tensor);
        for (var i = 0; i < values.Length; i++)
        {
            pixels[i] = (byte)values[i];
        }

        return image;
    }

    private static double[] Interleaved(ViewCanvas canvas)
    {
        var planes = canvas.Planes;
        var values = new double[planes.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = planes[(i % 3 * canvas.Height * canvas.Width) + (i / 3)];
        }

        return values;
    }

    /// <summary>
    /// How many levels two computations may differ that both cut to 8 bits: a level and a half for one operation. In a
    /// chain each operation carries the difference on, enlarged by how much its inputs can weigh together, and adds
    /// one.
    /// </summary>
    private static double RoundingTolerance(GoldenCase golden)
    {
        if (!golden.Name.StartsWith("color_jitter", StringComparison.Ordinal))
        {
            return 1.5;
        }

        double difference = 0;
        foreach (var operation in golden.Params.GetProperty("order").EnumerateArray().Select(o => o.GetString()!))
        {
            var factor = Number(golden.Params, operation);
            difference = 1 + (difference * operation switch
            {
                "brightness" => factor,
                "hue" => 3, // the largest of three channels, and two that place the hue between it and the smallest
                _ => factor + Math.Abs(1 - factor),
            });
        }

        return difference;
    }

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        var worst = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        Assert.True(worst <= tolerance, $"differs by {worst:g3}, tolerance {tolerance:g3}");
    }

    private static int Whole(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}
