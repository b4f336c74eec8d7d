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
public sealed class FlatParameters : IStateful, IDisposable
{
    private readonly Tensor[] _parameters; // in the order of the segments
    private (FlatParameters? Target, List<(long Own, long Theirs, long Length)> List) _stretches = (null, []);

    /// <summary>Moves the parameters of <paramref name="module"/> into one buffer.</summary>
    /// <param name="module">The module.</param>
    /// <param name="channelsLast">Whether filters lie in memory as convolutions over channels-last images want them.</param>
    internal FlatParameters(nn.Module module, bool channelsLast = false)
        : this(module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)), channelsLast)
    {
    }

    /// <summary>Moves named parameters into one buffer: matrices and filters first, biases and norms last.</summary>
    internal FlatParameters(IEnumerable<(string Name, Tensor Parameter)> parameters, bool channelsLast = false)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // A stable partition: what weight decay applies to by convention is one contiguous stretch.
        var ordered = parameters.OrderBy(p => p.Parameter.dim() > 1 ? 0 : 1).ToArray();
        var segments = new List<ParameterSegment>(ordered.Length);
        long offset = 0;
        foreach (var (name, parameter) in ordered)
        {
            var shape = parameter.shape;
            segments.Add(new ParameterSegment(name, offset, parameter.numel(), shape, channelsLast && shape.Length == 4));
            offset += parameter.numel();
        }

        Segments = segments;
        _parameters = [.. ordered.Select(p => p.Parameter)];
        MatrixLength = segments.Where(s => !s.IsBiasOrNorm).Sum(s => s.Length);
        var first = ordered[0].Parameter;
        Values = empty(offset, first.dtype, first.device).DetachFromDisposeScope();
        Gradients = zeros_like(Values).DetachFromDisposeScope();
        foreach (var (segment, (_, parameter)) in segments.Zip(ordered))
        {
            var values = segment.Of(Values);
            values.copy_(parameter);
            Bind(parameter, values, segment.Of(Gradients));
        }
    }

    /// <summary>The values, [P].</summary>
    public Tensor Values { get; private set; }

    /// <summary>The gradients, [P].</summary>
    public Tensor Gradients { get; }

    /// <summary>Where each named parameter lies, in order.</summary>
    internal IReadOnlyList<ParameterSegment> Segments { get; private set; }

    /// <summary>Length of the first stretch of [P], which holds everything but biases and norm parameters.</summary>
    internal long MatrixLength { get; }

    /// <summary>
    /// Lets go of its own values and takes those of another module of the same architecture: what changes there changes
    /// here. Gradients stay its own.
    /// </summary>
    internal void Share(FlatParameters other)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (segment, parameter) in Segments.Zip(_parameters))
        {
            parameter.set_(segment.Of(other.Values));
        }

        Values.Dispose();
        Values = other.Values.alias().DetachFromDisposeScope();
    }

    /// <summary>
    /// values += weight * (target - values), the exponential moving average of a key encoder. What the target has more, such
    /// as a predictor, does not count.
    /// </summary>
    public void MoveTowards(FlatParameters target, double weight)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (own, theirs, length) in Stretches(target))
        {
            Values.narrow(0, own, length).lerp_(target.Values.narrow(0, theirs, length), weight);
        }
    }

    /// <summary>
    /// How fast each parameter learns, in units of the learning rate, for optimizers that are made from now on. What has a rate of
    /// 0 is a constant and gets no gradient.
    /// </summary>
    internal void SetRates(Func<string, double> rateOf)
    {
        Segments = [.. Segments.Select(segment => segment with { Rate = rateOf(segment.Name) })];
        foreach (var (segment, parameter) in Segments.Zip(_parameters))
        {
            parameter.requires_grad = segment.Rate > 0;
        }
    }

    /// <summary>Lets go of the gradients, for parameters that are constants.</summary>
    internal void DropGradients()
    {
        foreach (var parameter in _parameters)
        {
            parameter.grad = null;
        }

        Gradients.Dispose();
    }

    /// <summary>Where a part's parameters, those whose names begin alike, lie in a flat tensor: views of it, by name.</summary>
    /// <param name="flat"><see cref="Values"/>, <see cref="Gradients"/>, or an optimizer's state, [P].</param>
    /// <param name="part">What the names begin with.</param>
    public IEnumerable<Tensor> Of(Tensor flat, string part) =>
        Segments.Where(s => s.Name.StartsWith(part + '.', StringComparison.Ordinal)).Select(s => s.Of(flat));

    /// <summary>The Euclidean norm of all gradients together. Reading it waits for the device.</summary>
    internal double GradientNorm()
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
    internal double ClipGradients(double maxNorm)
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
    public void Exchange(StateArchive archive) => Exchange(archive, Values);

    /// <summary>
    /// Exchanges a tensor that has a value for each parameter, [P], under the parameters' names and in their shapes: a
    /// checkpoint does not know how they lie in memory here.
    /// </summary>
    internal void Exchange(StateArchive archive, Tensor flat)
    {
        foreach (var segment in Segments)
        {
            using var scope = NewDisposeScope();
            archive.Weights(segment.Name, segment.Of(flat), flat.narrow(0, segment.Offset, segment.Length));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Gradients.Dispose();
    }

    /// <summary>
    /// Neighbouring parameters that are neighbours in both: one stretch where the modules are alike, two where one has more,
    /// since matrices and biases lie apart.
    /// </summary>
    private List<(long Own, long Theirs, long Length)> Stretches(FlatParameters target)
    {
        if (_stretches.Target == target)
        {
            return _stretches.List;
        }

        var byName = target.Segments.ToDictionary(s => s.Name);
        var stretches = new List<(long Own, long Theirs, long Length)>();
        foreach (var segment in Segments)
        {
            var offset = byName[segment.Name].Offset;
            if (stretches is [.., var last] && last.Own + last.Length == segment.Offset && last.Theirs + last.Length == offset)
            {
                stretches[^1] = last with { Length = last.Length + segment.Length };
            }
            else
            {
                stretches.Add((segment.Offset, offset, segment.Length));
            }
        }

        _stretches = (target, stretches);
        return stretches;
    }

    private static void Bind(Tensor parameter, Tensor values, Tensor gradients)
    {
        parameter.set_(values);
        parameter.grad = gradients;
    }
}
