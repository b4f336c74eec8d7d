using SelfSup.Reports;

namespace SelfSup.Tests.Reports;

public sealed class CurveTests
{
    [Fact]
    public void FewValuesAreAllKept()
    {
        var curve = new Curve(100);
        for (var step = 0; step < 100; step++)
        {
            curve.Add(10 * step, Math.Sin(step));
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(step => new CurvePoint(10 * step, Math.Sin(step))), curve.Points());
        Assert.Equal((100, 990, Math.Sin(99)), (curve.Count, curve.LastStep, curve.Last));
    }

    /// <summary>M4: every bucket has its first, smallest, largest and last value, and nothing else.</summary>
    [Fact]
    public void OfManyValuesEachBucketKeepsItsEndsAndExtremes()
    {
        var curve = new Curve(64);
        double Value(long step) => Math.Sin(step * 0.37) * (1 + (step * 7919 % 13)) * (step == 5431 ? 1000 : 1);
        for (var step = 1L; step <= 10_000; step++)
        {
            curve.Add(step, Value(step));
        }

        var expected = Enumerable.Range(1, 10_000).GroupBy(step => step / curve.Width).SelectMany(bucket => new[]
        {
            bucket.First(), bucket.MinBy(step => Value(step)), bucket.MaxBy(step => Value(step)), bucket.Last(),
        }.Distinct().Order()).Select(step => new CurvePoint(step, Value(step))).ToArray();
        Assert.Equal(expected, curve.Points());
        Assert.InRange(expected.Length, 33, 64);
        Assert.Contains(new CurvePoint(5431, Value(5431)), curve.Points());
    }

    [Fact]
    public void FewerPointsKeepTheExtremes()
    {
        var curve = new Curve(1000);
        for (var step = 0; step < 900; step++)
        {
            curve.Add(step, step == 333 ? -50 : step == 334 ? 70 : step * 0.001);
        }

        var points = curve.Points(20);
        Assert.InRange(points.Count, 8, 20);
        Assert.Equal((0, 899), (points[0].Step, points[^1].Step));
        Assert.Equal((-50, 70), (points.Min(point => point.Value), points.Max(point => point.Value)));
        Assert.Equal(points.Select(point => point.Step).Order(), points.Select(point => point.Step));
    }

    [Fact]
    public void WhatIsNoNumberIsAGapAndStaysOne()
    {
        var curve = new Curve(40);
        for (var step = 0; step < 2000; step++)
        {
            curve.Add(step, step is 700 or 701 ? double.NaN : step == 1999 ? double.PositiveInfinity : 1);
        }

        Assert.Equal(2000, curve.Count);
        Assert.Null(curve.Last);
        Assert.Equal([700, 1999], curve.Points().Where(point => point.Value is null).Select(point => point.Step));
        Assert.InRange(curve.Points().Count, 10, 40);
    }

    [Fact]
    public void MemoryDoesNotGrowWithTheValues()
    {
        var curve = new Curve(400);
        for (var step = 0; step < 1_000_000; step++)
        {
            curve.Add(step, step);
        }

        Assert.InRange(curve.Bytes, 1000, 100_000);
        Assert.Equal((1_000_000, 999_999), (curve.Count, curve.Points()[^1].Value));
    }
}
