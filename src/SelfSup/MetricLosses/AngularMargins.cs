using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// What losses with margins put in the place of the cosine of a sample with its own class. All take cosines of any shape, also such as
/// rounding has put a little beyond 1, and have finite gradients everywhere: at cosines of 1 and -1, where the angle has no derivative,
/// its part of the gradient is 0.
/// </summary>
public static class AngularMargins
{
    /// <summary>cos(theta) - m (CosFace, Wang et al. 2018, https://arxiv.org/abs/1801.09414, eq. 4).</summary>
    public static Tensor CosFace(Tensor cosines, double margin) => cosines - margin;

    /// <summary>
    /// cos(theta + m) up to theta = pi - m, and cos(theta) - m sin(m) beyond (ArcFace, Deng et al. 2019, https://arxiv.org/abs/1801.07698,
    /// eq. 3; the second part as in the authors' code).
    /// </summary>
    /// <param name="cosines">cos(theta).</param>
    /// <param name="margin">m, in radians.</param>
    public static Tensor ArcFace(Tensor cosines, double margin)
    {
        using var scope = NewDisposeScope();
        var (sin, cos) = Math.SinCos(margin);
        var within = cosines.detach() >= -cos; // theta <= pi - m
        return where(within, (cosines * cos) - (Sines(cosines) * sin), cosines - (margin * sin)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// psi(theta) = (-1)^k cos(m theta) - 2k with k = floor(m theta / pi), at most m - 1 (A-Softmax, Liu et al. 2017,
    /// https://arxiv.org/abs/1704.08063, eq. 7). The multiple angle is a Chebyshev polynomial of the cosine, so the gradient is exact at
    /// cosines of 1 and -1 too.
    /// </summary>
    /// <param name="cosines">cos(theta).</param>
    /// <param name="margin">m, at least 1.</param>
    public static Tensor SphereFace(Tensor cosines, int margin)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(margin, 1);
        using var scope = NewDisposeScope();
        var (before, multiple) = (ones_like(cosines), cosines);
        for (var n = 1; n < margin; n++)
        {
            (before, multiple) = (multiple, (2 * cosines * multiple) - before);
        }

        var k = (cosines.detach().clamp(-1, 1).acos() * (margin / Math.PI)).floor().clamp(0, margin - 1);
        return ((Sign(k) * multiple) - (2 * k)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// cos(m1 theta + m2) - m3 (Deng et al. 2019, https://arxiv.org/abs/1801.07698, eq. 4). SphereFace is (m, 0, 0) with
    /// <see cref="BeyondPi.Falling"/>, ArcFace (1, m, 0) with <see cref="BeyondPi.Lowered"/>, CosFace (1, 0, m).
    /// </summary>
    /// <param name="cosines">cos(theta).</param>
    /// <param name="multiple">m1, more than 0.</param>
    /// <param name="angle">m2, in radians, at least 0.</param>
    /// <param name="margin">m3.</param>
    /// <param name="beyond">What follows where m1 theta + m2 is more than pi; <see cref="BeyondPi.Lowered"/> with an m1 of 1 only.</param>
    /// <exception cref="ArgumentException">Lowered with another m1, which would rise with the angle.</exception>
    public static Tensor Combined(Tensor cosines, double multiple, double angle, double margin, BeyondPi beyond)
    {
        if (!Fit(multiple, beyond))
        {
            throw new ArgumentException(
                $"beyond: is {beyond}, must be {BeyondPi.Falling} or {BeyondPi.Cosine} with a multiple of {multiple}: it falls with the angle only "
                + "where that counts once",
                nameof(beyond));
        }

        using var scope = NewDisposeScope();
        var turned = (atan2(Sines(cosines), cosines) * multiple) + angle;
        var within = turned.cos();
        var value = beyond switch
        {
            BeyondPi.Cosine => within,
            BeyondPi.Lowered => where(turned.detach() <= Math.PI, within, cosines - (angle * Math.Sin(angle))),
            _ => Falling(within, turned.detach()),
        };
        return (value - margin).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a curve can follow where the angle is taken so many times.</summary>
    internal static bool Fit(double multiple, BeyondPi beyond) => beyond != BeyondPi.Lowered || multiple == 1;

    private static Tensor Falling(Tensor cosine, Tensor angle)
    {
        var k = (angle / Math.PI).floor();
        return (Sign(k) * cosine) - (2 * k);
    }

    /// <summary>(-1)^k.</summary>
    private static Tensor Sign(Tensor k) => 1 - (2 * k.remainder(2));

    /// <summary>The sines of the angles, at least 0; below what the element type can tell from 0 they are 0 and do not learn.</summary>
    private static Tensor Sines(Tensor cosines)
    {
        var squares = 1 - (cosines * cosines);
        var some = squares.detach() > (cosines.dtype == ScalarType.Float64 ? 1e-15 : 1e-6);
        return where(some, where(some, squares, ones_like(squares)).sqrt(), zeros_like(squares)); // no root of what is not above 0
    }
}
