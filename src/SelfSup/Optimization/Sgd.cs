using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>Settings of <see cref="Sgd"/>.</summary>
internal sealed class SgdOptions : IValidatableObject
{
    /// <summary>How much of the last step's velocity is kept.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; set; } = 0.9;

    /// <summary>The share of a gradient that does not enter the velocity, from the second step on.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Dampening { get; set; }

    /// <summary>Looks ahead along the velocity (Sutskever et al. 2013).</summary>
    public bool Nesterov { get; set; }

    /// <summary>Weight of the L2 penalty, added to the gradient.</summary>
    [Range(0, double.MaxValue)]
    public double WeightDecay { get; set; }

    /// <summary>Biases and the scales and shifts of normalisations do not decay.</summary>
    public bool ExcludeBiasAndNorm { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Nesterov && (Momentum == 0 || Dampening != 0))
        {
            yield return new("nesterov needs a momentum above 0 and no dampening", [nameof(Nesterov)]);
        }

        if (Dampening != 0 && Momentum == 0)
        {
            yield return new("dampening has no effect without momentum; leave it out", [nameof(Dampening)]);
        }
    }
}

/// <summary>
/// Stochastic gradient descent with momentum, by PyTorch's rule: g += decay * p; v = momentum * v + (1 - dampening) *
/// g, in the first step v = g; p -= rate * v, with Nesterov p -= rate * (g + momentum * v).
/// </summary>
[Named("sgd")]
internal sealed class Sgd : IOptimizer
{
    private readonly SgdOptions _options;
    private readonly FlatParameters _parameters;
    private readonly IReadOnlyList<ParameterPiece> _pieces;
    private readonly Tensor? _velocity; // [P]
    private long _steps;

    public Sgd(SgdOptions options, FlatParameters parameters)
        : this(options, parameters, decays: s => !(options.ExcludeBiasAndNorm && s.IsBiasOrNorm))
    {
    }

    /// <summary>With a free choice of which parameters decay.</summary>
    internal Sgd(SgdOptions options, FlatParameters parameters, Func<ParameterSegment, bool> decays)
    {
        (_options, _parameters) = (options, parameters);
        _pieces = ParameterPiece.Stretches(parameters, decays);
        _velocity = options.Momentum == 0 ? null : zeros_like(parameters.Values).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Step(double learningRate)
    {
        using var _ = no_grad();
        foreach (var piece in _pieces)
        {
            using var scope = NewDisposeScope();
            FusedUpdates.Sgd(
                piece.Of(_parameters.Values),
                piece.Of(_parameters.Gradients),
                _velocity is null ? null : piece.Of(_velocity),
                piece.Decays ? _options.WeightDecay : 0,
                _options,
                learningRate * piece.Rate,
                first: _steps == 0);
        }

        _steps++;
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        _steps = archive.Number("steps", _steps);
        if (_velocity is not null)
        {
            archive.Part("velocity", part => _parameters.Exchange(part, _velocity));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _velocity?.Dispose();
}
