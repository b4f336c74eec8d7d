using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Margins against their formulas in plain doubles, and where cosines are 1 and -1.</summary>
public sealed class AngularMarginTests
{
    private static readonly double[] _angles =
        [0, 1e-3, 0.1, 0.5, Math.PI / 4, 1, 1.5, Math.PI / 2, 2, 2.2, 2.5, 2.9, 3.1, Math.PI - 1e-3, Math.PI];

    public static TheoryData<string> Margins => ["cosFace", "arcFace", "sphereFace1", "sphereFace2", "sphereFace3", "sphereFace4", "sphereFace7",
        "falling", "lowered", "cosine"];

    [Theory]
    [MemberData(nameof(Margins))]
    public void ValuesAreThoseOfTheFormula(string margin)
    {
        using var scope = NewDisposeScope();
        var actual = Of(margin, tensor(_angles).cos()).data<double>().ToArray();
        foreach (var (angle, value) in _angles.Zip(actual))
        {
            Assert.Equal(Plain(margin, angle), value, 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(Margins))]
    public void GradientsAreFiniteAtTheEnds(string margin)
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            // Rounding puts cosines of unit vectors beyond 1.
            var ends = tensor(new double[] { 1, -1, 1 + 3e-7, -1 - 3e-7, 1 - 1e-7, -1 + 1e-7, 1 - 1e-16 }).to(type).requires_grad_();
            var values = Of(margin, ends);
            values.sum().backward();
            Assert.True(values.isfinite().all().item<bool>());
            Assert.InRange(ends.grad!.abs().max().to(float64).item<double>(), 0, 1e4);
        }
    }

    [Fact]
    public void ALoweredCosineOfAnAngleThatCountsMoreThanOnceIsRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains(
            "must be Falling or Cosine with a multiple of 1.5",
            Assert.Throws<ArgumentException>(() => AngularMargins.Combined(zeros(1, float64), 1.5, 0.3, 0.2, BeyondPi.Lowered)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>d/dc of (-1)^k T_m(c) is m squared at both ends.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void TheGradientOfPsiIsExactAtTheEnds(int margin)
    {
        using var scope = NewDisposeScope();
        var ends = tensor(new double[] { 1, -1 }).requires_grad_();
        AngularMargins.SphereFace(ends, margin).sum().backward();
        Assert.All(ends.grad!.data<double>().ToArray(), slope => Assert.Equal(margin * margin, slope, 1e-12));
    }

    [Theory]
    [InlineData("sphereFace2")]
    [InlineData("sphereFace4")]
    [InlineData("falling")]
    [InlineData("lowered")]
    public void SomeFallOverAllAngles(string margin)
    {
        using var scope = NewDisposeScope();
        var values = Of(margin, linspace(0, Math.PI, 500, float64).cos());
        Assert.True((values.diff() < 0).all().item<bool>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void CombinedIsSphereFace(int margin) => Same(
        cosines => AngularMargins.SphereFace(cosines, margin),
        cosines => AngularMargins.Combined(cosines, margin, 0, 0, BeyondPi.Falling));

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(1.2)]
    public void CombinedIsArcFace(double margin) => Same(
        cosines => AngularMargins.ArcFace(cosines, margin),
        cosines => AngularMargins.Combined(cosines, 1, margin, 0, BeyondPi.Lowered));

    [Theory]
    [InlineData(BeyondPi.Falling)]
    [InlineData(BeyondPi.Lowered)]
    [InlineData(BeyondPi.Cosine)]
    public void CombinedIsCosFace(BeyondPi beyond) => Same(
        cosines => AngularMargins.CosFace(cosines, 0.35),
        cosines => AngularMargins.Combined(cosines, 1, 0, 0.35, beyond));

    private static void Same(Func<Tensor, Tensor> expected, Func<Tensor, Tensor> actual)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (linspace(-0.999, 0.999, 301, float64).requires_grad_(), linspace(-0.999, 0.999, 301, float64).requires_grad_());
        var (x, y) = (expected(a), actual(b));
        Assert.InRange((x - y).abs().max().item<double>(), 0, 1e-12);
        x.sum().backward();
        y.sum().backward();
        Assert.InRange((a.grad! - b.grad!).abs().max().item<double>(), 0, 1e-11);
    }

    private static Tensor Of(string margin, Tensor cosines) => margin switch
    {
        "cosFace" => AngularMargins.CosFace(cosines, 0.35),
        "arcFace" => AngularMargins.ArcFace(cosines, 0.5),
        "falling" => AngularMargins.Combined(cosines, 1.5, 0.3, 0.2, BeyondPi.Falling),
        "lowered" => AngularMargins.Combined(cosines, 1, 0.3, 0.2, BeyondPi.Lowered),
        "cosine" => AngularMargins.Combined(cosines, 1.5, 0.3, 0.2, BeyondPi.Cosine),
        _ => AngularMargins.SphereFace(cosines, margin[^1] - '0'),
    };

    private static double Plain(string margin, double angle)
    {
        var turned = ((margin == "lowered" ? 1 : 1.5) * angle) + 0.3;
        return margin switch
        {
            "cosFace" => Math.Cos(angle) - 0.35,
            "arcFace" => angle <= Math.PI - 0.5 ? Math.Cos(angle + 0.5) : Math.Cos(angle) - (0.5 * Math.Sin(0.5)),
            "falling" => Psi(turned) - 0.2,
            "lowered" => (turned <= Math.PI ? Math.Cos(turned) : Math.Cos(angle) - (0.3 * Math.Sin(0.3))) - 0.2,
            "cosine" => Math.Cos(turned) - 0.2,
            _ => Psi((margin[^1] - '0') * angle),
        };
    }

    private static double Psi(double angle)
    {
        var k = (int)Math.Floor(angle / Math.PI);
        return ((k % 2 == 0 ? 1 : -1) * Math.Cos(angle)) - (2 * k);
    }
}
