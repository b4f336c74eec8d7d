using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>
/// Whose LARS. With p a parameter, g its gradient, decay and eta the settings, d = g + decay * p, the published
/// programs compute
/// <code>
///              trust ratio                            velocity                    step
/// simClr       eta |p| / |d|                          v = m v + rate * trust * d  p -= v
/// vissl        eta |p| / |d|                          v = m v + trust * d         p -= rate * v
/// soloLearn    eta |p| / (|g| + decay |p| + epsilon)  v = m v + trust * d         p -= rate * v
/// lightly      as soloLearn                           v = m v + trust * d         p -= rate * v
/// </code>
/// They differ in the momentum under a changing rate, in |g| + decay |p| against |g + decay p|, and where a norm is 0:
/// the first two then take d as it is, the last two take g without decay.
/// </summary>
internal enum LarsConvention
{
    /// <summary>google-research/simclr, in TensorFlow: the rate is inside the momentum, as in the paper.</summary>
    SimClr,

    /// <summary>facebookresearch/vissl and the programs of Barlow Twins, VICReg and MoCo v3.</summary>
    Vissl,

    /// <summary>vturrisi/solo-learn; the one that can clip.</summary>
    SoloLearn,

    /// <summary>lightly-ai/lightly: solo-learn's, but without weight decay nothing is scaled either.</summary>
    Lightly,
}

/// <summary>Settings of <see cref="Lars"/>.</summary>
internal sealed class LarsOptions : IValidatableObject
{
    /// <summary>Whose formula.</summary>
    public LarsConvention Convention { get; set; } = LarsConvention.SimClr;

    /// <summary>The length of a step in units of the parameter's own norm and the learning rate: eta.</summary>
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    public double TrustCoefficient { get; set; } = 0.001;

    /// <summary>How much of the last step's velocity is kept.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; set; } = 0.9;

    /// <summary>Looks ahead along the velocity.</summary>
    public bool Nesterov { get; set; }

    /// <summary>Weight of the L2 penalty.</summary>
    [Range(0, double.MaxValue)]
    public double WeightDecay { get; set; } = 1e-6;

    /// <summary>Biases and the scales and shifts of normalisations neither decay nor are scaled.</summary>
    public bool ExcludeBiasAndNorm { get; set; } = true;

    /// <summary>
    /// Takes min(trust / rate, 1) for the trust ratio, so that the learning rate is only an upper bound (LARC). Only
    /// solo-learn has it, with a <see cref="TrustCoefficient"/> of 0.02.
    /// </summary>
    public bool ClipLearningRate { get; set; }

    /// <summary>Added under the fraction by soloLearn and lightly; the others have none.</summary>
    [Range(0, double.MaxValue)]
    public double Epsilon { get; set; } = 1e-8;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ClipLearningRate && Convention != LarsConvention.SoloLearn)
        {
            yield return new(
                "clipLearningRate has no effect but under convention: soloLearn", [nameof(ClipLearningRate)]);
        }

        if (WeightDecay == 0 && Convention == LarsConvention.Lightly)
        {
            yield return new(
                "under convention: lightly nothing is scaled without weight decay; choose another convention, or sgd",
                [nameof(WeightDecay)]);
        }

        if (Nesterov && Momentum == 0)
        {
            yield return new("nesterov needs a momentum above 0", [nameof(Nesterov)]);
        }
    }
}

/// <summary>
/// Layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017): momentum SGD in which the step of every
/// parameter is scaled by its own norm over its gradient's. <see cref="LarsConvention"/> has the formulas.
/// </summary>
[Named("lars")]
internal sealed class Lars : IOptimizer
{
    private readonly LarsOptions _options;
    private readonly FlatParameters _parameters;
    private readonly IReadOnlyList<ParameterPiece> _pieces;
    private readonly Tensor _velocity; // [P]; starts at zero, which makes the first velocity the first direction
    private readonly Tensor _scratch; // [longest piece]

    public Lars(LarsOptions options, FlatParameters parameters)
        : this(options, parameters, Included(options), Included(options))
    {
    }

    /// <summary>With a free choice of which parameters decay and which are scaled.</summary>
    internal Lars(
        LarsOptions options,
        FlatParameters parameters,
        Func<ParameterSegment, bool> decays,
        Func<ParameterSegment, bool> adapts)
    {
        (_options, _parameters) = (options, parameters);
        bool HasDecay(ParameterSegment segment) => options.WeightDecay != 0 && decays(segment);
        _pieces = ParameterPiece.Divide(
            parameters,
            HasDecay,
            options.Convention == LarsConvention.Lightly ? s => HasDecay(s) && adapts(s) : adapts);
        _velocity = zeros_like(parameters.Values).DetachFromDisposeScope();
        _scratch = ParameterPiece.Scratch(_pieces, parameters);
    }

    /// <inheritdoc/>
    public void Step(double learningRate)
    {
        using var _ = no_grad();
        foreach (var piece in _pieces)
        {
            var rate = learningRate * piece.Rate;
            var (rateInside, rateOutside) = _options.Convention == LarsConvention.SimClr ? (rate, 1.0) : (1.0, rate);
            using var scope = NewDisposeScope();
            var values = piece.Of(_parameters.Values);
            var gradients = piece.Of(_parameters.Gradients);
            var velocity = piece.Of(_velocity);
            var direction = _scratch.narrow(0, 0, piece.Length);
            direction.copy_(gradients);
            if (piece.Decays)
            {
                direction.add_(values, alpha: _options.WeightDecay);
            }

            if (piece.Adapts)
            {
                direction.mul_(TrustRatio(piece, values, gradients, direction, rate));
            }

            velocity.mul_(_options.Momentum).add_(direction, alpha: rateInside);
            if (_options.Nesterov)
            {
                values.add_(direction, alpha: -rate).add_(velocity, alpha: -rateOutside * _options.Momentum);
            }
            else
            {
                values.add_(velocity, alpha: -rateOutside);
            }
        }
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => archive.Part("velocity", part => _parameters.Exchange(part, _velocity));

    /// <inheritdoc/>
    public void Dispose()
    {
        _velocity.Dispose();
        _scratch.Dispose();
    }

    private static Func<ParameterSegment, bool> Included(LarsOptions options) =>
        segment => !(options.ExcludeBiasAndNorm && segment.IsBiasOrNorm);

    // A scalar tensor, so that the step does not wait for the device once per parameter.
    private Tensor TrustRatio(
        ParameterPiece piece, Tensor values, Tensor gradients, Tensor direction, double learningRate)
    {
        var valueNorm = FlatNorm.Of(values);
        var one = ones_like(valueNorm);
        if (_options.Convention is LarsConvention.SimClr or LarsConvention.Vissl)
        {
            var directionNorm = FlatNorm.Of(direction);
            return where(
                (valueNorm > 0) & (directionNorm > 0), _options.TrustCoefficient * valueNorm / directionNorm, one);
        }

        var gradientNorm = FlatNorm.Of(gradients);
        var decay = piece.Decays ? _options.WeightDecay : 0;
        var ratio = _options.TrustCoefficient * valueNorm / (gradientNorm + (decay * valueNorm) + _options.Epsilon);
        if (_options.ClipLearningRate)
        {
            ratio = (ratio / learningRate).clamp_max(1);
        }

        // Where the gradient is 0 these two do not decay either: the direction, decay * p alone, is dropped.
        return where(valueNorm > 0, where(gradientNorm > 0, ratio, zeros_like(valueNorm)), one);
    }
}
