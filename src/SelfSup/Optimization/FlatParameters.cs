using SelfSup.Checkpoints;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>
/// All trainable values of a module as one tensor, and all their gradients as another. The module's parameters and
/// their <c>grad</c> become views of the two, so that an optimizer step, an average over ranks, a moving average and a
/// checkpoint are each one operation. Build the module on its device and element type first: moving it afterwards
/// would replace the views.
/// </summary>
internal sealed class FlatParameters : IStateful, IDisposable
{
    /// <summary>Moves the parameters of <paramref name="module"/> into one buffer.</summary>
    public FlatParameters(nn.Module module)
        : this(module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)))
    {
    }

    /// <summary>Moves named parameters into one buffer: matrices and filters first, biases and norms last.</summary>
    public FlatParameters(IEnumerable<(string Name, Tensor Parameter)> parameters)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // A stable partition: what weight decay applies to by convention is one contiguous stretch.
        var ordered = parameters.OrderBy(p => p.Parameter.dim() > 1 ? 0 : 1).ToArray();
        Values = cat(ordered.Select(p => p.Parameter.detach().reshape(-1)).ToArray()).DetachFromDisposeScope();
        Gradients = zeros_like(Values).DetachFromDisposeScope();
        var segments = new List<ParameterSegment>(ordered.Length);
        long offset = 0;
        foreach (var (name, parameter) in ordered)
        {
            var length = parameter.numel();
            parameter.set_(Values.narrow(0, offset, length).view(parameter.shape));
            parameter.grad = Gradients.narrow(0, offset, length).view(parameter.shape);
            segments.Add(new ParameterSegment(name, offset, length, IsBiasOrNorm: parameter.dim() <= 1));
            offset += length;
        }

        Segments = segments;
        MatrixLength = segments.Where(s => !s.IsBiasOrNorm).Sum(s => s.Length);
    }

    /// <summary>The values, [P].</summary>
    public Tensor Values { get; }

    /// <summary>The gradients, [P].</summary>
    public Tensor Gradients { get; }

    /// <summary>Where each named parameter lies, in order.</summary>
    public IReadOnlyList<ParameterSegment> Segments { get; }

    /// <summary>Length of the first stretch of [P], which holds everything but biases and norm parameters.</summary>
    public long MatrixLength { get; }

    /// <summary>values += weight * (target - values), the exponential moving average of a key encoder.</summary>
    public void MoveTowards(FlatParameters target, double weight)
    {
        using var _ = no_grad();
        Values.lerp_(target.Values, weight);
    }

    /// <summary>The Euclidean norm of all gradients together. Reading it waits for the device.</summary>
    public double GradientNorm()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return FlatNorm.Of(Gradients).ToDouble();
    }

    /// <summary>
    /// Shortens the gradient to <paramref name="maxNorm"/> where it is longer, keeping its direction (Pascanu, Mikolov
    /// and Bengio 2013). A norm that is not finite leaves the gradients as they are.
    /// </summary>
    /// <returns>The norm before.</returns>
    public double ClipGradients(double maxNorm)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxNorm);
        var norm = GradientNorm();
        if (norm > maxNorm && double.IsFinite(norm))
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            Gradients.mul_(maxNorm / norm);
        }

        return norm;
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => archive.Tensor("values", Values);

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
    }
}

/// <summary>A named parameter inside the flat buffer.</summary>
/// <param name="Name">The module's name for it, <c>layer1.0.conv1.weight</c>.</param>
/// <param name="Offset">Where it starts in [P].</param>
/// <param name="Length">How many values it has.</param>
/// <param name="IsBiasOrNorm">It has one dimension: a bias, or the scale or shift of a normalisation.</param>
internal sealed record ParameterSegment(string Name, long Offset, long Length, bool IsBiasOrNorm);
