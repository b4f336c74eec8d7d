using System.Text.Json;

namespace SelfSup.Samples.EmbeddingService;

/// <summary>
/// How an image becomes what the network was judged on: the steps that the file's metadata name, <c>selfsup.view</c>. Resizing is that of
/// Pillow and torchvision with antialiasing: a triangle as wide as the scale, rows and columns one after the other.
/// </summary>
internal sealed class ImageView
{
    private readonly List<(string Name, int Size)> _steps = [];

    /// <param name="steps">A JSON list such as <c>[{"resize":{"size":256,...}},{"centerCrop":{"size":224}}]</c>.</param>
    /// <param name="size">S, the side of the network's images.</param>
    /// <exception cref="InvalidDataException">A step is not known here, or they do not lead to images of that size.</exception>
    public ImageView(string steps, int size)
    {
        using var json = JsonDocument.Parse(steps);
        foreach (var step in json.RootElement.EnumerateArray().Select(step => step.EnumerateObject().Single()))
        {
            var isKnown = step.Name == "centerCrop" || (step.Name == "resize"
                && step.Value.GetProperty("interpolation").GetString() == "bilinear" && step.Value.GetProperty("antialias").GetBoolean());
            if (!isKnown)
            {
                throw new InvalidDataException($"selfsup.view: {step} is not a step of this service; it has resize (bilinear, antialias) and centerCrop");
            }

            _steps.Add((step.Name, step.Value.GetProperty("size").GetInt32()));
        }

        if (_steps is not [.., ("centerCrop", var last)] || last != size)
        {
            throw new InvalidDataException($"selfsup.view: {steps} does not end with images of {size} x {size} pixels, which the network takes");
        }

        Size = size;
    }

    /// <summary>S, the side of what comes out.</summary>
    public int Size { get; }

    /// <summary>R, G, B from 0 to 255, pixel by pixel: [S, S, 3].</summary>
    /// <exception cref="InvalidDataException">The image is absurdly long.</exception>
    public float[] Make(ImageFile image)
    {
        var pixels = new Pixels(image.Width, image.Height, Array.ConvertAll(image.Pixels, value => (float)value));
        foreach (var (name, size) in _steps)
        {
            pixels = name == "resize" ? Resized(pixels, size) : Cropped(pixels, size);
        }

        return pixels.Values;
    }

    /// <summary>The short side becomes the size; the long one follows, rounded down.</summary>
    private static Pixels Resized(Pixels image, int size)
    {
        var shortSide = Math.Min(image.Width, image.Height);
        var longSide = (long)size * Math.Max(image.Width, image.Height) / shortSide;
        if (longSide > 1 << 16)
        {
            throw new InvalidDataException($"an image of {image.Width} x {image.Height} pixels is too long for its width; send another one");
        }

        var (width, height) = image.Width <= image.Height ? (size, (int)longSide) : ((int)longSide, size);
        // Columns first: along a row the three values of a pixel are neighbours, and rows lie one behind the other.
        var narrow = Along(image.Values, image.Height, image.Width, width, step: 3);
        return new Pixels(width, height, Along(narrow, 1, image.Height, height, step: width * 3));
    }

    /// <summary>Resamples one axis: [outer, from, step] to [outer, to, step].</summary>
    private static float[] Along(float[] values, int outer, int from, int to, int step)
    {
        if (from == to)
        {
            return values;
        }

        var result = new float[outer * to * step];
        var scale = (double)from / to;
        var reach = Math.Max(scale, 1);
        for (var i = 0; i < to; i++)
        {
            var centre = (i + 0.5) * scale;
            var (start, end) = (Math.Max(0, (int)(centre - reach + 0.5)), Math.Min(from, (int)(centre + reach + 0.5)));
            var weights = Enumerable.Range(start, end - start).Select(k => Math.Max(0, 1 - Math.Abs((k - centre + 0.5) / reach))).ToArray();
            var total = weights.Sum();
            for (var row = 0; row < outer; row++)
            {
                var sum = result.AsSpan(((row * to) + i) * step, step);
                for (var k = start; k < end; k++)
                {
                    var weight = (float)(weights[k - start] / total);
                    var source = values.AsSpan(((row * from) + k) * step, step);
                    for (var j = 0; j < step; j++)
                    {
                        sum[j] += weight * source[j];
                    }
                }
            }
        }

        return result;
    }

    /// <summary>The square in the middle; black where the image is smaller. An odd rest is halved as torchvision does.</summary>
    private static Pixels Cropped(Pixels image, int size)
    {
        static int Before(int length, int size) => length >= size ? (int)Math.Round((length - size) / 2.0) : -((size - length) / 2);
        var result = new float[size * size * 3];
        var (left, top) = (Before(image.Width, size), Before(image.Height, size));
        var (first, last) = (Math.Max(0, left), Math.Min(image.Width, left + size));
        for (var y = 0; y < size; y++)
        {
            if (top + y >= 0 && top + y < image.Height)
            {
                image.Values.AsSpan((((top + y) * image.Width) + first) * 3, (last - first) * 3)
                    .CopyTo(result.AsSpan(((y * size) + first - left) * 3));
            }
        }

        return new Pixels(size, size, result);
    }

    private sealed record Pixels(int Width, int Height, float[] Values);
}
