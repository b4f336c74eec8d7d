using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>Settings of <see cref="Lamb"/>.</summary>
internal sealed class LambOptions : AdamOptions
{
    /// <summary>Adam's settings with an epsilon of 1e-6 and a weight decay of 0.01.</summary>
    public LambOptions() => (Epsilon, WeightDecay) = (1e-6, 0.01);

    /// <summary>The norm of all gradients together is brought down to this before anything else; 0 leaves it.</summary>
    [Range(0, double.MaxValue)]
    public double MaxGradientNorm { get; set; } = 1;

    /// <summary>Scales the steps of parameters without weight decay, too.</summary>
    public bool AlwaysAdapt { get; set; }

    /// <summary>The scale of a step is at most 1 (LAMBC).</summary>
    public bool TrustClip { get; set; }
}

/// <summary>
/// LAMB (You et al. 2020), Adam with one scale per parameter for large batches, by the rule of NvLamb: u = m' /
/// (sqrt(v') + epsilon) + decay * p; p -= rate * |p| / |u| * u. The scale is 1 where a norm is 0, and for parameters
/// without weight decay unless <see cref="LambOptions.AlwaysAdapt"/>.
/// </summary>
[Named("lamb")]
internal sealed class Lamb : IOptimizer
{
    private readonly LambOptions _options;
    private readonly FlatParameters _parameters;
    private readonly IReadOnlyList<ParameterPiece> _pieces;
    private readonly AdamMoments _moments;
    private readonly Tensor _scratch; // [longest piece]

    public Lamb(LambOptions options, FlatParameters parameters)
        : this(options, parameters, options.Decays)
    {
    }

    /// <summary>With a free choice of which parameters decay.</summary>
    internal Lamb(LambOptions options, FlatParameters parameters, Func<ParameterSegment, bool> decays)
    {
        (_options, _parameters) = (options, parameters);
        _pieces = ParameterPiece.Divide(
            parameters, decays, adapts: s => options.AlwaysAdapt || (options.WeightDecay != 0 && decays(s)));
        _moments = new AdamMoments(options, parameters);
        _scratch = ParameterPiece.Scratch(_pieces, parameters);
    }

    /// <inheritdoc/>
    public void Step(double learningRate)
    {
        using var step = NewDisposeScope();
        using var _ = no_grad();
        // Stays a tensor: reading it would wait for the device in every step.
        var excess = _options.MaxGradientNorm == 0
            ? null
            : (FlatNorm.Of(_parameters.Gradients) / _options.MaxGradientNorm).clamp_min(1);
        _moments.Advance();
        foreach (var piece in _pieces)
        {
            using var scope = NewDisposeScope();
            var values = piece.Of(_parameters.Values);
            var gradients = piece.Of(_parameters.Gradients);
            var direction = _scratch.narrow(0, 0, piece.Length);
            if (excess is not null)
            {
                direction.copy_(gradients).div_(excess);
                gradients = direction;
            }

            _moments.Accumulate(piece, gradients);
            _moments.Direction(piece, direction);
            if (piece.Decays && _options.WeightDecay != 0)
            {
                direction.add_(values, alpha: _options.WeightDecay);
            }

            if (piece.Adapts)
            {
                direction.mul_(TrustRatio(values, direction));
            }

            values.add_(direction, alpha: -learningRate * piece.Rate);
        }
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => _moments.Exchange(archive);

    /// <inheritdoc/>
    public void Dispose()
    {
        _moments.Dispose();
        _scratch.Dispose();
    }

    private Tensor TrustRatio(Tensor values, Tensor direction)
    {
        var (valueNorm, directionNorm) = (FlatNorm.Of(values), FlatNorm.Of(direction));
        var one = ones_like(valueNorm);
        var ratio = where((valueNorm > 0) & (directionNorm > 0), valueNorm / directionNorm, one);
        return _options.TrustClip ? ratio.clamp_max(1) : ratio;
    }
}
