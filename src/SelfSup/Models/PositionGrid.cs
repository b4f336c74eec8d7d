using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>Positions of the tokens of a square grid of patches.</summary>
internal static class PositionGrid
{
    private const double Temperature = 10000;

    /// <summary>
    /// Sines and cosines of the two coordinates of each patch, as MoCo v3's code has them
    /// (https://github.com/facebookresearch/moco-v3, <c>build_2d_sincos_position_embedding</c>): the first half of a
    /// position tells the row and the second the column, each as sines and then cosines of D / 4 frequencies.
    /// </summary>
    /// <param name="side">G, patches in a row and in a column.</param>
    /// <param name="width">D, a multiple of 4.</param>
    /// <returns>[1, 1 + G * G, D]; the class token is first and has zeros.</returns>
    public static Tensor SinCos(long side, long width)
    {
        using var scope = NewDisposeScope();
        var quarter = width / 4;
        var frequencies = pow(Temperature, arange(quarter, dtype: float64) / -quarter);
        var angles = arange(side, dtype: float64).unsqueeze(1) * frequencies; // [G, D / 4]
        var coordinate = cat([angles.sin(), angles.cos()], dim: 1); // [G, D / 2]
        var patches = cat(
            [
                coordinate.unsqueeze(1).expand(side, side, width / 2),
                coordinate.unsqueeze(0).expand(side, side, width / 2),
            ],
            dim: 2);
        return cat([zeros(1, width, dtype: float64), patches.reshape(side * side, width)])
            .to(float32).unsqueeze(0).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Positions for another grid than they were made for: bicubic between their places, as DINO and timm do it. The grid
    /// they were made for gets them as they are.
    /// </summary>
    /// <param name="patches">[1, G * G, D].</param>
    /// <param name="side">G.</param>
    /// <param name="height">Patches in a column of the image.</param>
    /// <param name="width">Patches in a row of the image.</param>
    /// <returns>[1, height * width, D].</returns>
    public static Tensor For(Tensor patches, long side, long height, long width)
    {
        if (height == side && width == side)
        {
            return patches;
        }

        using var scope = NewDisposeScope();
        var planes = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2);
        return nn.functional.interpolate(planes, size: [height, width], mode: InterpolationMode.Bicubic, align_corners: false)
            .flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Whether positions can be interpolated to others: both of a class token and a square grid, and as wide.</summary>
    /// <param name="from">Their shape.</param>
    /// <param name="to">The shape that is needed.</param>
    public static bool CanBecome(long[] from, long[] to) =>
        from is [1, > 1, var width] && to is [1, > 1, var needed] && width == needed && Side(from) is not null && Side(to) is not null;

    /// <summary>G, the side of the grid that positions are of; null where it is not square.</summary>
    /// <param name="positions">Their shape, [1, 1 + G * G, D].</param>
    public static long? Side(long[] positions) =>
        (long)Math.Sqrt(positions[1] - 1) is var side && side * side == positions[1] - 1 ? side : null;

    /// <summary>Positions for another grid, as <see cref="For"/> makes them; the class token's stays.</summary>
    /// <param name="positions">[1, 1 + G * G, D].</param>
    /// <param name="side">The side of the other grid.</param>
    /// <returns>[1, 1 + side * side, D].</returns>
    public static Tensor Resized(Tensor positions, long side)
    {
        using var scope = NewDisposeScope();
        var patches = positions.narrow(1, 1, positions.shape[1] - 1).to(float32);
        return cat([positions.narrow(1, 0, 1).to(float32), For(patches, Side(positions.shape)!.Value, side, side)], dim: 1).MoveToOuterDisposeScope();
    }
}
