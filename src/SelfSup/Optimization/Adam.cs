using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>Settings of <see cref="Adam"/>.</summary>
internal class AdamOptions
{
    /// <summary>How much of the running mean of the gradient is kept at each step.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Beta1 { get; set; } = 0.9;

    /// <summary>How much of the running mean of the squared gradient is kept at each step.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Beta2 { get; set; } = 0.999;

    /// <summary>Added to the root of the mean square, after its correction.</summary>
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    public double Epsilon { get; set; } = 1e-8;

    /// <summary>Weight of the decay towards zero.</summary>
    [Range(0, double.MaxValue)]
    public double WeightDecay { get; set; }

    /// <summary>Biases and the scales and shifts of normalisations do not decay.</summary>
    public bool ExcludeBiasAndNorm { get; set; }

    /// <summary>Whether a parameter decays.</summary>
    internal bool Decays(ParameterSegment segment) => !(ExcludeBiasAndNorm && segment.IsBiasOrNorm);
}

/// <summary>Settings of <see cref="AdamW"/>.</summary>
internal sealed class AdamWOptions : AdamOptions
{
    /// <summary>Adam's settings with a weight decay of 0.01.</summary>
    public AdamWOptions() => WeightDecay = 0.01;
}

/// <summary>
/// Adam (Kingma and Ba 2015), by PyTorch's rule: g += decay * p, so that the decay passes through the normalisation;
/// p -= rate * m' / (sqrt(v') + epsilon).
/// </summary>
[Named("adam")]
internal sealed class Adam : IOptimizer
{
    private readonly AdamSteps _steps;

    public Adam(AdamOptions options, FlatParameters parameters)
        : this(options, parameters, options.Decays)
    {
    }

    /// <summary>With a free choice of which parameters decay.</summary>
    internal Adam(AdamOptions options, FlatParameters parameters, Func<ParameterSegment, bool> decays) =>
        _steps = new AdamSteps(options, parameters, decays, decoupled: false);

    /// <inheritdoc/>
    public void Step(double learningRate) => _steps.Step(learningRate);

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => _steps.Exchange(archive);

    /// <inheritdoc/>
    public void Dispose() => _steps.Dispose();
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), by PyTorch's rule: p *= 1 - rate * decay, then
/// p -= rate * m' / (sqrt(v') + epsilon).
/// </summary>
[Named("adamW")]
internal sealed class AdamW : IOptimizer
{
    private readonly AdamSteps _steps;

    public AdamW(AdamWOptions options, FlatParameters parameters)
        : this(options, parameters, options.Decays)
    {
    }

    /// <summary>With a free choice of which parameters decay.</summary>
    internal AdamW(AdamWOptions options, FlatParameters parameters, Func<ParameterSegment, bool> decays) =>
        _steps = new AdamSteps(options, parameters, decays, decoupled: true);

    /// <inheritdoc/>
    public void Step(double learningRate) => _steps.Step(learningRate);

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => _steps.Exchange(archive);

    /// <inheritdoc/>
    public void Dispose() => _steps.Dispose();
}

/// <summary>
/// The step that <see cref="Adam"/> and <see cref="AdamW"/> have in common but for the place of the decay.
/// </summary>
internal sealed class AdamSteps : IStateful, IDisposable
{
    private readonly AdamOptions _options;
    private readonly bool _decoupled;
    private readonly IReadOnlyList<ParameterPiece> _pieces;
    private readonly AdamMoments _moments;

    public AdamSteps(
        AdamOptions options, FlatParameters parameters, Func<ParameterSegment, bool> decays, bool decoupled)
    {
        (_options, _decoupled) = (options, decoupled);
        _pieces = ParameterPiece.Stretches(parameters, decays);
        _moments = new AdamMoments(options, parameters);
    }

    public void Step(double learningRate)
    {
        using var _ = no_grad();
        _moments.Advance();
        foreach (var piece in _pieces)
        {
            _moments.Update(piece, piece.Decays ? _options.WeightDecay : 0, learningRate * piece.Rate, _decoupled);
        }
    }

    public void Exchange(StateArchive archive) => _moments.Exchange(archive);

    public void Dispose() => _moments.Dispose();
}
