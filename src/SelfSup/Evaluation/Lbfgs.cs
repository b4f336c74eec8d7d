using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>How a minimisation ended.</summary>
/// <param name="Value">The objective at the last point.</param>
/// <param name="GradientNorm">The largest entry of its gradient.</param>
/// <param name="Iterations">How many steps were made.</param>
/// <param name="Converged">The gradient is as small as asked for, or the precision is exhausted.</param>
internal readonly record struct LbfgsOutcome(double Value, double GradientNorm, int Iterations, bool Converged);

/// <summary>
/// Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) for smooth functions of a flat tensor. That of
/// TorchSharp 0.107 cannot be given a line search: its steps have a fixed length and need not go down.
/// </summary>
internal sealed class Lbfgs : IDisposable
{
    private const int Memory = 10;

    private readonly Func<Tensor, Tensor, double> _objective;
    private readonly Tensor _point; // [P]
    private readonly Tensor _gradient; // [P]
    private readonly Tensor _trial; // [P]
    private readonly Tensor _trialGradient; // [P]
    private readonly List<(Tensor Step, Tensor Change, double InverseCurvature)> _history = [];

    private Lbfgs(Func<Tensor, Tensor, double> objective, Tensor point)
    {
        (_objective, _point) = (objective, point);
        _gradient = zeros_like(point).DetachFromDisposeScope();
        _trial = zeros_like(point).DetachFromDisposeScope();
        _trialGradient = zeros_like(point).DetachFromDisposeScope();
    }

    /// <summary>Moves <paramref name="point"/> to a minimum.</summary>
    /// <param name="objective">Returns the value at its first argument, [P], and writes the gradient into its second,
    /// [P].</param>
    /// <param name="point">The start, [P], float64; changed in place.</param>
    /// <param name="tolerance">The largest entry of the gradient at which to stop.</param>
    /// <param name="maxIterations">How many steps at most.</param>
    public static LbfgsOutcome Minimize(
        Func<Tensor, Tensor, double> objective, Tensor point, double tolerance, int maxIterations)
    {
        using var _ = no_grad();
        using var search = new Lbfgs(objective, point);
        return search.Run(tolerance, maxIterations);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget(0);
        _gradient.Dispose();
        _trial.Dispose();
        _trialGradient.Dispose();
    }

    private LbfgsOutcome Run(double tolerance, int maxIterations)
    {
        var value = _objective(_point, _gradient);
        for (var iteration = 0; ; iteration++)
        {
            using var scope = NewDisposeScope();
            var norm = _gradient.abs().max().ToDouble();
            if (norm <= tolerance || iteration == maxIterations)
            {
                return new(value, norm, iteration, norm <= tolerance);
            }

            if (Advance(value) is not { } next)
            {
                return new(value, norm, iteration, Converged: true);
            }

            value = next;
        }
    }

    // One step, or null where not even the steepest descent goes down any further.
    private double? Advance(double value)
    {
        var direction = Direction();
        var slope = direction.dot(_gradient).ToDouble();
        var firstStep = _history.Count > 0 ? 1 : Math.Min(1, 1 / _gradient.abs().sum().ToDouble());
        var line = new WolfeLineSearch(step => At(direction, step), new LinePoint(0, value, slope));
        if (slope >= 0 || line.Find(firstStep) is not { } accepted)
        {
            if (_history.Count == 0)
            {
                return null;
            }

            Forget(0);
            return Advance(value);
        }

        Remember();
        _point.copy_(_trial);
        _gradient.copy_(_trialGradient);
        return accepted.Value;
    }

    private LinePoint At(Tensor direction, double step)
    {
        using var scope = NewDisposeScope();
        _trial.copy_(_point).add_(direction, alpha: step);
        var value = _objective(_trial, _trialGradient);
        return new(step, value, _trialGradient.dot(direction).ToDouble());
    }

    // Algorithm 7.4, the two-loop recursion, from the newest pair to the oldest and back.
    private Tensor Direction()
    {
        var direction = _gradient.neg();
        var weights = new double[_history.Count];
        for (var i = _history.Count - 1; i >= 0; i--)
        {
            var (step, change, inverseCurvature) = _history[i];
            weights[i] = inverseCurvature * step.dot(direction).ToDouble();
            direction.add_(change, alpha: -weights[i]);
        }

        if (_history is [.., var newest])
        {
            direction.mul_(1 / (newest.InverseCurvature * newest.Change.dot(newest.Change).ToDouble()));
        }

        for (var i = 0; i < _history.Count; i++)
        {
            var (step, change, inverseCurvature) = _history[i];
            direction.add_(step, alpha: weights[i] - (inverseCurvature * change.dot(direction).ToDouble()));
        }

        return direction;
    }

    private void Remember()
    {
        var step = _trial - _point;
        var change = _trialGradient - _gradient;
        var curvature = step.dot(change).ToDouble();
        // Rounding may leave a pair without positive curvature, which would spoil the directions to come.
        if (curvature > 0 && double.IsFinite(1 / curvature))
        {
            Forget(Memory - 1);
            _history.Add((step.DetachFromDisposeScope(), change.DetachFromDisposeScope(), 1 / curvature));
        }
    }

    private void Forget(int leave)
    {
        while (_history.Count > leave)
        {
            _history[0].Step.Dispose();
            _history[0].Change.Dispose();
            _history.RemoveAt(0);
        }
    }
}
