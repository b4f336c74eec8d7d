namespace SelfSup.Augmentation;

/// <summary>How a rotated pixel is read from between the pixels of the original.</summary>
internal enum RotationInterpolation
{
    /// <summary>The nearest pixel.</summary>
    Nearest,

    /// <summary>A weighted mean of the four pixels around it.</summary>
    Bilinear,
}

/// <summary>
/// Rotation about the centre at fixed parameters: the size stays, and what comes from outside is black. This is
/// torchvision's <c>rotate</c> for tensors without <c>expand</c>.
/// </summary>
internal static class Rotation
{
    /// <summary>Rotates one plane counter-clockwise.</summary>
    /// <param name="source">The plane, [H, W].</param>
    /// <param name="destination">The result, [H, W]; other memory than the source.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="degrees">The angle; positive turns counter-clockwise.</param>
    /// <param name="interpolation">How values between pixels are read.</param>
    public static void Rotate(
        ReadOnlySpan<float> source, Span<float> destination, int height, int width, double degrees,
        RotationInterpolation interpolation)
    {
        var (sine, cosine) = Math.SinCos(degrees * Math.PI / 180);
        var (centreX, centreY) = ((width - 1) / 2.0, (height - 1) / 2.0);
        for (var y = 0; y < height; y++)
        {
            var down = y - centreY;
            for (var x = 0; x < width; x++)
            {
                var across = x - centreX;
                var fromX = (cosine * across) - (sine * down) + centreX;
                var fromY = (sine * across) + (cosine * down) + centreY;
                destination[(y * width) + x] = interpolation == RotationInterpolation.Nearest
                    ? Pixel(source, height, width, (int)Math.Round(fromY), (int)Math.Round(fromX))
                    : Between(source, height, width, fromY, fromX);
            }
        }
    }

    private static float Between(ReadOnlySpan<float> source, int height, int width, double fromY, double fromX)
    {
        var (top, left) = ((int)Math.Floor(fromY), (int)Math.Floor(fromX));
        var (below, right) = ((float)(fromY - top), (float)(fromX - left));
        var upper = Mix(
            Pixel(source, height, width, top, left), Pixel(source, height, width, top, left + 1), right);
        var lower = Mix(
            Pixel(source, height, width, top + 1, left), Pixel(source, height, width, top + 1, left + 1), right);
        return Mix(upper, lower, below);
    }

    private static float Mix(float first, float second, float weight) => first + ((second - first) * weight);

    private static float Pixel(ReadOnlySpan<float> source, int height, int width, int y, int x) =>
        (uint)y < (uint)height && (uint)x < (uint)width ? source[(y * width) + x] : 0;
}
