using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>
/// The state of Adam (Kingma and Ba 2015): running means m of the gradient and v of its square. Shared by
/// <see cref="Adam"/>, <see cref="AdamW"/> and <see cref="Lamb"/>.
/// </summary>
internal sealed class AdamMoments : IStateful, IDisposable
{
    private readonly AdamOptions _options;
    private readonly FlatParameters _parameters;
    private readonly Tensor _first; // [P]
    private readonly Tensor _second; // [P]
    private long _steps;

    public AdamMoments(AdamOptions options, FlatParameters parameters)
    {
        (_options, _parameters) = (options, parameters);
        _first = zeros_like(parameters.Values).DetachFromDisposeScope();
        _second = zeros_like(parameters.Values).DetachFromDisposeScope();
    }

    /// <summary>Counts a step; to be called before its pieces are updated.</summary>
    public void Advance() => _steps++;

    /// <summary>The whole update of a piece, as <see cref="Adam"/> and <see cref="AdamW"/> make it.</summary>
    /// <param name="piece">Which stretch of [P].</param>
    /// <param name="decay">Its weight decay.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="decoupled">Whether the decay goes past the moments.</param>
    public void Update(ParameterPiece piece, double decay, double rate, bool decoupled)
    {
        using var scope = NewDisposeScope();
        var values = piece.Of(_parameters.Values);
        if (decoupled && decay != 0)
        {
            // p - (rate decay) p rather than (1 - rate decay) p, as libtorch has it: in float32 a decay of 1e-7 would be lost in
            // the 1.
            values.add_(values, alpha: -rate * decay);
        }

        FusedUpdates.Adam(
            values, piece.Of(_parameters.Gradients), piece.Of(_first), piece.Of(_second),
            tensor((float)_steps, device: _parameters.Values.device), decoupled ? 0 : decay, _options, rate);
    }

    /// <summary>Takes the gradient of a piece into the two means.</summary>
    /// <param name="piece">Which stretch of [P].</param>
    /// <param name="gradients">Its gradients, [Length].</param>
    public void Accumulate(ParameterPiece piece, Tensor gradients)
    {
        using var scope = NewDisposeScope();
        piece.Of(_first).mul_(_options.Beta1).add_(gradients, alpha: 1 - _options.Beta1);
        piece.Of(_second).mul_(_options.Beta2).addcmul_(gradients, gradients, 1 - _options.Beta2);
    }

    /// <summary>
    /// Writes Adam's direction m' / (sqrt(v') + epsilon) of a piece into <paramref name="direction"/>, [Length], with
    /// m' and v' corrected for their start at zero.
    /// </summary>
    public void Direction(ParameterPiece piece, Tensor direction)
    {
        using var scope = NewDisposeScope();
        var firstCorrection = 1 - Math.Pow(_options.Beta1, _steps);
        var secondCorrection = 1 - Math.Pow(_options.Beta2, _steps);
        direction.copy_(piece.Of(_second)).sqrt_().div_(Math.Sqrt(secondCorrection)).add_(_options.Epsilon)
            .reciprocal_().mul_(piece.Of(_first)).div_(firstCorrection);
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        _steps = archive.Number("steps", _steps);
        archive.Part("first", part => _parameters.Exchange(part, _first));
        archive.Part("second", part => _parameters.Exchange(part, _second));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }
}
