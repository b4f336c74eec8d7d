namespace SelfSup.Evaluation;

/// <summary>A point on the line that is searched.</summary>
/// <param name="Step">How far along.</param>
/// <param name="Value">The objective there.</param>
/// <param name="Slope">Its derivative along the line.</param>
internal readonly record struct LinePoint(double Step, double Value, double Slope);

/// <summary>
/// Finds a step that meets the strong Wolfe conditions: Nocedal and Wright, "Numerical Optimization" (2006), algorithms
/// 3.5 and 3.6 with the cubic interpolation of equation 3.59. Near the minimum, where differences of the value drown in
/// rounding, a step is also taken by the approximate conditions of Hager and Zhang (2005), which look at slopes only.
/// </summary>
internal sealed class WolfeLineSearch(Func<double, LinePoint> evaluate, LinePoint start)
{
    private const double SufficientDecrease = 1e-4; // c1
    private const double Curvature = 0.9; // c2
    private const double Rounding = 1e-13; // of a sum of many terms, relative
    private const double Unresolved = 1e-10; // a change of the value that rounding may hide
    private const int MaxEvaluations = 40;

    private int _evaluations;

    /// <summary>
    /// The accepted point, always the last one evaluated; or null where no step lowers the value, because the
    /// direction is wrong or the precision exhausted.
    /// </summary>
    /// <param name="firstStep">Where to look first; 1 is right for quasi-Newton directions.</param>
    public LinePoint? Find(double firstStep)
    {
        var previous = start;
        var step = firstStep;
        while (_evaluations < MaxEvaluations)
        {
            var current = Evaluate(step);
            if (IsAccepted(current))
            {
                return current;
            }

            if (!Decreases(current) || current.Value >= previous.Value)
            {
                return Zoom(previous, current);
            }

            if (current.Slope >= 0)
            {
                return Zoom(current, previous);
            }

            previous = current;
            step *= 2;
        }

        return null;
    }

    // Between low, the better end, and high lies an acceptable step.
    private LinePoint? Zoom(LinePoint low, LinePoint high)
    {
        while (_evaluations < MaxEvaluations)
        {
            var current = Evaluate(Interpolate(low, high));
            if (IsAccepted(current))
            {
                return current;
            }

            if (!Decreases(current) || current.Value >= low.Value)
            {
                high = current;
                continue;
            }

            if (current.Slope * (high.Step - low.Step) >= 0)
            {
                high = low;
            }

            low = current;
        }

        return low.Step > 0 ? evaluate(low.Step) : null;
    }

    private LinePoint Evaluate(double step)
    {
        _evaluations++;
        return evaluate(step);
    }

    private bool Decreases(LinePoint point) =>
        point.Value <= start.Value + (SufficientDecrease * point.Step * start.Slope);

    private bool IsAccepted(LinePoint point) =>
        (Decreases(point) && Math.Abs(point.Slope) <= -Curvature * start.Slope) ||
        (-point.Step * start.Slope <= Unresolved * Math.Abs(start.Value) &&
         point.Value <= start.Value + (Rounding * Math.Abs(start.Value)) &&
         point.Slope >= Curvature * start.Slope &&
         point.Slope <= ((2 * SufficientDecrease) - 1) * start.Slope);

    // The minimum of the cubic through both ends and their slopes, kept away from the ends.
    private static double Interpolate(LinePoint a, LinePoint b)
    {
        var (left, right) = (Math.Min(a.Step, b.Step), Math.Max(a.Step, b.Step));
        var d1 = a.Slope + b.Slope - (3 * (a.Value - b.Value) / (a.Step - b.Step));
        var d2 = Math.Sign(b.Step - a.Step) * Math.Sqrt((d1 * d1) - (a.Slope * b.Slope));
        var step = b.Step - ((b.Step - a.Step) * (b.Slope + d2 - d1) / (b.Slope - a.Slope + (2 * d2)));
        var margin = 0.1 * (right - left);
        // A NaN, of a value that overflowed or of a cubic without minimum, fails the comparison.
        return step >= left + margin && step <= right - margin ? step : (left + right) / 2;
    }
}
