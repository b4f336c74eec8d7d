using SelfSup.Reports;

using static TorchSharp.torch;

namespace SelfSup.Tests.Reports;

public sealed class PrincipalComponentsTests
{
    private static readonly double _half = Math.Sqrt(0.5);

    /// <summary>Points on two lines at right angles: lengths 4, 2, so that variances are as 16 to 4.</summary>
    [Fact]
    public void DirectionsAndSharesAreThoseOfTheDefinition()
    {
        using var scope = NewDisposeScope();
        var points = tensor(new[,] { { 4 * _half, 4 * _half, 7 }, { -4 * _half, -4 * _half, 7 }, { -2 * _half, 2 * _half, 7 }, { 2 * _half, -2 * _half, 7 } });
        var found = PrincipalComponents.Of(points, 2);
        Assert.Equal(0.8, found.Shares[0], 1e-12);
        Assert.Equal(0.2, found.Shares[1], 1e-12);
        float[] first = [.. found.Coordinates.Select(point => point[0])];
        Assert.Equal(4, first[0], 1e-5);
        Assert.Equal(-4, first[1], 1e-5);
        Assert.Equal(0, first[2], 1e-5);
        Assert.Equal(2, Math.Abs(found.Coordinates[2][1]), 1e-5);
        Assert.Equal(found.Coordinates[2][1], -found.Coordinates[3][1], 1e-5);
    }

    /// <summary>A direction has no sign of its own: whatever comes out of the decomposition, the same map is drawn.</summary>
    [Fact]
    public void ADirectionPointsToItsLargestEntry()
    {
        using var scope = NewDisposeScope();
        var points = tensor(new[,] { { 0.0, 5, 1 }, { 0, -5, -1 }, { 0, 0, 0 } });
        Assert.True(PrincipalComponents.Of(points, 1).Coordinates[0][0] > 0);
        Assert.True(PrincipalComponents.Of(-points, 1).Coordinates[0][0] < 0);
    }

    [Fact]
    public void PointsThatAreAllTheSameHaveNoSpread()
    {
        using var scope = NewDisposeScope();
        var found = PrincipalComponents.Of(ones(5, 3), 30);
        Assert.All(found.Shares, share => Assert.Equal(0, share));
        Assert.All(found.Coordinates, point => Assert.All(point, value => Assert.Equal(0, value)));
        Assert.Equal(3, found.Coordinates[0].Length);
    }
}
